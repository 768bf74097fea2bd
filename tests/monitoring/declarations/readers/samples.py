"""The samples of the specification, typed from it, with what it says around them."""

from __future__ import annotations

DSR_NAME = (
    "DSR_PADPIDA2099010102V_PADPIDA2099010101X_FM_2026-11_CH_1of1_20261202T090000.tsv"
)
DSR = """\
HEAD⇥dsrf/30⇥RadioBroadcastProfile⇥1.0⇥HFM-2026-11-1⇥2026-12-02T09:00:00Z⇥1⇥1⇥2026-11-01⇥2026-11-30⇥PADPIDA2099010101X⇥Harbour Radio AG⇥FM⇥PADPIDA2099010102V⇥Example Society⇥
SY08⇥1⇥⇥⇥FM⇥Harbour FM⇥AdvertisementSupportedModel⇥Broadcast⇥CH⇥3⇥⇥1480.5⇥CHF⇥250000.00⇥⇥⇥⇥⇥PerformingRight⇥⇥⇥
AS02.01⇥BL1⇥1⇥r_01⇥QZAA02600001⇥Blue Lantern⇥⇥The Ferrymen⇥⇥PT3M12S⇥SoundRecording⇥T9000000011⇥Anna Muster⇥IPI::00000815140⇥⇥⇥Example Music⇥IPI::00000471148⇥⇥⇥
SU05⇥BL1⇥1⇥T1⇥1⇥true⇥3⇥⇥
FOOT⇥5⇥5⇥1⇥1⇥1
""".replace("⇥", "\t")
CU01 = "CU01⇥BL1⇥1⇥PT2M4S⇥PT45S⇥QZAA02600001⇥T9000000011⇥Blue Lantern⇥The Ferrymen⇥⇥⇥⇥Anna Muster⇥IPI::00000815140⇥⇥".replace(
    "⇥", "\t"
)

SOUNDEXCHANGE_NAME = "HarbourFM20261101-20261130.txt"
SOUNDEXCHANGE = "^HARBOUR FM^|^B^|^THE FERRYMEN^|^BLUE LANTERN^|^QZAA02600001^|^NIGHT PIER^|^HARBOUR LIGHTS^|412\r\n"
SOUNDEXCHANGE_HEADED = "\r\n".join(
    [
        "HARBOUR FM",
        "A. MUSTER",
        "1 PIER ROAD",
        "ZURICH, ZH 8001",
        "+41 44 000 00 00",
        "MUSIC@HARBOUR.EXAMPLE",
        "20261101",
        "20261130",
        "20261202",
        "1",
        "^",
        "|",
        "",
        "NAME_OF_SERVICE|TRANSMISSION_CATEGORY|FEATURED_ARTIST|SOUND_RECORDING_TITLE|ISRC|ALBUM_TITLE|MARKETING_LABEL|ACTUAL_TOTAL_PERFORMANCES",
        SOUNDEXCHANGE,
    ]
)

SUISA_NAME = "Harbour FM_2026_11.csv"
SUISA = (
    "Sender,Titel des Musikwerks,Name des Komponisten,Interpret(en),Sendedatum,"
    "Sendedauer,Sendezeit,ISRC,Label,Identifikationsnummer,Eigenaufnahmen,EAN / GTIN,"
    "Albumtitel / Titel des Tonträgers,Aufnahmedatum,Aufnahmeland,"
    "Erstveröffentlichungsdatum,Katalog-Nummer / CD ID,Werkverzeichnisangaben,"
    "Bestellnummer,Veröffentlichungsland,Liveaufnahme\r\n"
    "Harbour FM,Blue Lantern,Anna Muster,The Ferrymen,2026-11-03,00:03:12,07:15:04,"
    "QZAA02600001,Harbour Lights,r_01,nein,2000000000015,Night Pier,,,20260301,NP001,"
    ",,,\r\n"
)

BMI_NAME = "harbour.txt"
BMI = (
    "HEDRSTA" + "HARBOUR FM".ljust(25) + "20261104090000" + "20261103" + "FMDT\r\n"
    "FMDTHARBOUR FM                              FMPOP                      202611012026110307:15:04000000001BLUE LANTERN                            THE FERRYMEN                            ANNA MUSTER                             00:03:12           QZAA02600001F1                      \r\n"
    "TRLR000000000003\r\n"
)

CUE_NAME = "pier-stories.csv"
CUE = (
    "cue_no,title,version_title,writers,publishers,performers,label,isrc,iswc,usage,"
    "time_in,time_out,duration,share_pct,status,match_id,station,broadcast_start,"
    "series,season,episode,episode_title,run,use,origin,writer_ipi,publisher_ipi,"
    "society\r\n"
    "1,Blue Lantern,,Anna Muster,Example Music,The Ferrymen,Harbour Lights,"
    "QZAA02600001,T9000000011,featured,00:02:04.000,00:02:49.000,00:00:45.000,100.00,"
    "confirmed,m_01,Harbour FM,2026-11-03T07:00:00+01:00,Pier Stories,2,5,Fog,first,"
    "OnScreenMusic,PreexistingMusic,00000815140,00000471148,080\r\n"
)
