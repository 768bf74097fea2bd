"""Names that other programs give to the columns that we know, in four languages."""

from __future__ import annotations

from imports.names import by_name

_NAMES = {
    "custom_id": (
        "own id, our id, internal id, track id, recording id, song id, reference, ref, "
        "catalog no, catalog number, catalog id, catalogue no, catalogue number, cat no, "
        "eigene id, interne id, katalognummer, katalog nr, referenz, "
        "identifiant, référence, référence interne, numéro de catalogue, n catalogue, "
        "identificador, id interno, id propio, referencia, número de catálogo, "
        "no de catálogo, n de catálogo"
    ),
    "title": (
        "track title, track, track name, song, song title, song name, recording title, "
        "recording, name, titel, songtitel, liedtitel, titelname, "
        "titre, titre du morceau, morceau, nom du titre, "
        "título, título de la canción, canción, tema, nombre"
    ),
    "artists": (
        "artist, artist name, main artist, primary artist, track artist, display artist, "
        "performer, performers, performed by, band, "
        "künstler, kuenstler, künstlername, interpret, interpreten, interpretin, "
        "artiste, artistes, interprète, interprètes, artiste principal, "
        "artista, artistas, intérprete, intérpretes, artista principal"
    ),
    "audio": (
        "file, filename, file path, audio file, audio filename, audio link, audio url, "
        "link, url, download link, sound file, "
        "datei, dateiname, audiodatei, tondatei, "
        "fichier, nom du fichier, nom de fichier, fichier audio, lien, "
        "archivo, fichero, nombre del archivo, nombre de archivo, archivo de audio, "
        "enlace"
    ),
    "isrc": "isrc code, isrc no, isrc number, isrc nummer, code isrc, código isrc",
    "upc": (
        "ean, ean upc, upc ean, ean 13, barcode, gtin, upc code, ean code, upc number, "
        "strichcode, ean nummer, code barres, code ean, code upc, "
        "código de barras, código ean, código upc"
    ),
    "iswc": "iswc code, iswc no, iswc number, code iswc, código iswc",
    "version_title": (
        "version, track version, mix, mix name, mix version, remix, subtitle, "
        "versionstitel, fassung, untertitel, titre de la version, sous titre, "
        "versión, título de la versión, subtítulo"
    ),
    "album": (
        "album title, album name, release, release title, release name, product title, "
        "albumtitel, albumname, titre de l'album, nom de l'album, "
        "título del álbum, nombre del álbum, disco"
    ),
    "label": (
        "record label, label name, record company, plattenlabel, plattenfirma, labelname, "
        "maison de disques, nom du label, "
        "sello, sello discográfico, discográfica, compañía discográfica"
    ),
    "release_date": (
        "released, released on, date of release, original release date, release year, "
        "publication date, year, "
        "veröffentlicht, veröffentlicht am, veröffentlichungsdatum, erscheinungsdatum, "
        "erscheinungsjahr, erschienen, erschienen am, jahr, "
        "date de sortie, date de parution, année, année de sortie, "
        "fecha de lanzamiento, fecha de publicación, fecha de estreno, publicado, año"
    ),
    "writers": (
        "writer, songwriter, songwriters, composer, composers, author, authors, "
        "komponist, komponisten, autor, autoren, urheber, "
        "compositeur, compositeurs, auteur, auteurs, auteurs compositeurs, "
        "compositor, compositores, autores"
    ),
    "publishers": (
        "publisher, music publisher, publishing, verlag, verlage, musikverlag, verleger, "
        "éditeur, éditeurs, éditions, maison d'édition, "
        "editorial, editoriales, editora, editor"
    ),
    "duration_ms": (
        "duration in ms, duration milliseconds, length ms, length in ms, milliseconds, "
        "dauer ms, dauer in ms, dauer in millisekunden, länge ms, länge in ms, "
        "durée ms, durée en ms, durée en millisecondes, "
        "duración ms, duración en ms, duración en milisegundos"
    ),
    "owner_share_pct": (
        "owner share, share, our share, ownership, ownership share, share percent, "
        "anteil, unser anteil, anteil in prozent, rechteanteil, "
        "part, quote part, part en pourcentage, porcentaje, participación, cuota"
    ),
    "territories": (
        "territory, country, countries, gebiet, gebiete, lizenzgebiet, territorium, "
        "territorien, land, länder, territoire, territoires, pays, "
        "territorio, territorios, país, países"
    ),
    "tags": (
        "tag, keywords, keyword, schlagwörter, schlagworte, stichwörter, "
        "mots clés, étiquettes, etiquetas, palabras clave"
    ),
    "notes": (
        "note, comment, comments, remark, remarks, notiz, notizen, anmerkung, "
        "anmerkungen, bemerkung, bemerkungen, kommentar, kommentare, "
        "remarque, remarques, commentaire, commentaires, "
        "nota, notas, observaciones, comentario, comentarios"
    ),
    "exclude": (
        "exclusions, excluded, excluded intervals, ausschlüsse, ausgeschlossen, "
        "exclusion, exclusiones, exclusión"
    ),
}


COMMON_NAMES = by_name(_NAMES)
"""Our column by each common name, as ``compared`` returns it."""
