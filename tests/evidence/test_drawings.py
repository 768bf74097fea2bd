"""The pictures of evidence packs."""

from __future__ import annotations

import io

from PIL import Image

from reports.evidence.drawings import Picture


def test_text_is_drawn_with_the_bundled_font() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40">{}</svg>'
    text = '<text x="5" y="30" font-size="20">0:12 Graveyard</text>'
    picture = Picture("match", "Match", "A title", 40, svg.format(text))

    with Image.open(io.BytesIO(picture.png())) as image:
        assert image.getbbox() is not None
        assert image.getchannel("A").getextrema() == (0, 255)
