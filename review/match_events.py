"""The names of the events of matches that no verb makes."""

from __future__ import annotations

NOTE = "note"
ASSIGN = "assign"
COUNTED = "counted"
GROUND = "ground_changed"
SPEECH = "speech_checked"
SPEECH_JUDGED = "speech_judged"
"""The event of a match whose file was judged again, with another result."""
SCANNED = "scanned_again"
FOUND_AGAIN = "found_again"
"""The event of a scan that finds a match again which an earlier one did not find."""
ASKED_AGAIN = "asked_again"
"""The event after a scan that changes the state of a match."""
FOUND_TOO = "found_too"
LOST = "lost"
"""Events of scans of the other engine, and of scans that did not find a match."""
NAMED_OTHERWISE = "named_otherwise"
NAMED_BY_ANSWER = "named_by_answer"
"""The event of a match that names the version which stands for the pair."""
VERSION_FOUND = "version_found"
"""The event of a late scan that finds another version which fits equally."""
JOINED, JOINED_INTO, PARTED = "joined", "joined_into", "parted"
"""Events of matches that a merge of recordings makes one, and of its undo."""
TAKE = "take"
RELEASE = "release"
LOCK_ENDED = "lock_ended"
LOCK_EVENTS = (TAKE, RELEASE, LOCK_ENDED)
"""Events of review locks; they decide nothing."""
RESCANS = (SCANNED, FOUND_AGAIN, VERSION_FOUND)
NEW_GROUNDS = (COUNTED, GROUND, SPEECH, SPEECH_JUDGED, *RESCANS)
"""Events after which rules may say something else of a match."""
UNCHANGING = (NOTE, ASSIGN, GROUND, SPEECH, SPEECH_JUDGED)
"""Events that do not change the match's version."""
ASIDES = (*UNCHANGING, *LOCK_EVENTS, COUNTED, *RESCANS, FOUND_TOO, LOST, NAMED_OTHERWISE)
"""Events that do not change the decision about the match."""
FOUND, DISAGREE = "found", "engines_disagree"
BEFORE_DECISIONS = (FOUND, DISAGREE, JOINED_INTO)
"""Events that make, route or end a match, and decide nothing."""
