"""The reader of a page's structure finds what axe-core would, and no fault in a good page."""

from __future__ import annotations

import pytest

from tests.structure import faults_in_structure

_PAGE = """<!doctype html><html lang="en"><head><title>Files</title></head><body><main>
<h1>Files</h1><h2 id="a">New</h2><ul><li><a href="/f/">One</a></li></ul>
<label for="q">Search</label><input id="q" aria-describedby="a">
<label><input type="checkbox"> Only mine</label>
<table><tr><th scope="col">Name</th><td>One</td></tr></table>
<template><input><li><a href="/"></a></li></template>
<button aria-label="Close"><svg role="img" aria-label="Cross"></svg></button>{}</main></body></html>"""


def test_a_good_page_has_no_fault() -> None:
    assert faults_in_structure(_PAGE.format("")) == []


@pytest.mark.parametrize(
    "part",
    [
        '<p id="a">Twice</p>',
        '<input aria-label="Q" aria-describedby="nowhere">',
        '<label for="nowhere">Name</label>',
        '<a href="/x/"></a>',
        "<button></button>",
        '<input type="text">',
        '<button><a href="/x/">A link in a button</a></button>',
        '<img src="/a.png">',
        '<svg role="img"></svg>',
        "<h2></h2>",
        "<h4>No third level before</h4>",
        "<ul><p>No item</p></ul>",
        "<div><li>No list</li></div>",
        '<span role="tab">No list of tabs</span>',
        "<div role='main'></div>",
    ],
)
def test_a_fault_is_found(part: str) -> None:
    assert len(faults_in_structure(_PAGE.format(part))) == 1, faults_in_structure(
        _PAGE.format(part)
    )
