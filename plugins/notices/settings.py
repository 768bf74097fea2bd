"""What takedown notices add to the settings."""

from __future__ import annotations

ENUMS = {
    "NoticeStateEnum": "plugins.notices.models.NoticeState",
    "NoticeRightEnum": "plugins.notices.models.ClaimedRight",
}
