"""Choices of the models of live streams."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _


class StationType(models.TextChoices):
    """How a station reaches its listeners."""

    AM = "am_radio", _("AM radio")
    FM = "fm_radio", _("FM radio")
    DAB = "dab_radio", _("Digital radio")
    WEB = "web_radio", _("Web radio")
    TELEVISION = "tv_station", _("Television")
    OTHER = "other_station", _("Other")


class CommercialModel(models.TextChoices):
    """How a station earns its money; values are DDEX's."""

    ADVERTISEMENT = "AdvertisementSupportedModel", _("Advertising")
    SUBSCRIPTION = "SubscriptionModel", _("Subscription")
    FREE = "FreeOfChargeModel", _("Free of charge")
    CONTRACT = "AsPerContract", _("As per contract")


class StreamEvent(models.TextChoices):
    """What a notice of a stream is about; the values go to receivers."""

    FOUND = "match.found", _("Recording heard")
    DECIDED = "match.decided", _("Match of a play decided")
    AWAY = "stream.away", _("Stream away")
    BACK = "stream.back", _("Stream heard again")
    ALARM = "stream.alarm", _("Alarm")
    ACR_RESULT = "acrcloud.result", _("Result in the format of ACRCloud")
    ACR_STATE = "acrcloud.state", _("State in the format of ACRCloud")


class StreamState(models.TextChoices):
    """What a stream's recorder does now."""

    WAITING = "stream_waiting", _("Waiting for a recorder")
    CONNECTING = "stream_connecting", _("Connecting")
    LISTENING = "stream_listening", _("Listening")
    SILENT = "stream_silent", _("Silent")
    AWAY = "stream_away", _("Away")
    PAUSED = "stream_paused", _("Paused")


HEARING: Final = (StreamState.LISTENING, StreamState.SILENT)
"""States in which sound arrives."""


class RunEdge(models.TextChoices):
    """Why a run of samples without a break began or ended."""

    STARTED = "run_started", _("Listening began")
    CONNECTION = "run_connection", _("The connection was lost")
    STALLED = "run_stalled", _("The server stopped sending")
    ENCODER = "run_encoder", _("The encoder restarted")
    FORMAT = "run_format", _("The format changed")
    SEGMENT_LOST = "run_segment_lost", _("A part of the stream was missing")
    RECORDER = "run_recorder", _("The recorder stopped")
    PAUSED = "run_paused", _("Somebody paused the stream")


class GapCause(models.TextChoices):
    """Why a time of a stream was not searched."""

    CONNECTION = "connection", _("Connection lost")
    STALLED = "stalled", _("Server stopped sending")
    SILENT = "gap_silent", _("Silence")
    NO_AUDIO = "no_audio", _("No sound in what was sent")
    RECORDER = "recorder", _("Recorder did not run")
    SEGMENT_LOST = "segment_lost", _("Part of the stream missing")
    PAUSED = "gap_paused", _("Paused")


class AirplayState(models.TextChoices):
    """What is known of a play."""

    PLAYING = "play_open", _("Playing")
    ENDED = "play_ended", _("Ended")
    SETTLED = "play_settled", _("Settled")
    WITHDRAWN = "play_withdrawn", _("Withdrawn")


class AlarmKind(models.TextChoices):
    """What an alarm is about."""

    SILENT = "alarm_silent", _("Silence")
    AWAY = "alarm_away", _("Stream away")
    UNMATCHED = "alarm_unmatched", _("Nothing recognised")
    BANNED = "alarm_banned", _("Recording that must not be played")
    DISK = "alarm_disk", _("Disk nearly full")
