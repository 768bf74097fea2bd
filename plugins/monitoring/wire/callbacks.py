"""Posts settled plays and states of streams to the addresses of their container."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from plugins.monitoring.streams.choices import StreamEvent
from plugins.monitoring.streams.models import Airplay, Stream, StreamCallbacks
from plugins.monitoring.streams.notices import queue_notice
from plugins.monitoring.wire.serializers.streams import result_shapes
from web.acrapi.formats import plain_instant

RUNNING, TIMEOUT = 1, 0


def queue_result(*, airplay: Airplay, **_signal: object) -> None:
    """Post a settled play, if the container has an address for results."""
    stream = airplay.stream
    if url := _addresses(stream).result_url:
        (result,) = result_shapes([airplay])
        _queue(stream, StreamEvent.ACR_RESULT, url, RUNNING, result)


def queue_state(*, stream: Stream, is_heard: bool, at: datetime, **_signal: object) -> None:
    """Post that a stream is away or heard again, if there is an address for states."""
    if url := _addresses(stream).state_url:
        status = RUNNING if is_heard else TIMEOUT
        data = {"timestamp_utc": plain_instant(at), "message": stream.cause}
        _queue(stream, StreamEvent.ACR_STATE, url, status, data)


def _addresses(stream: Stream) -> StreamCallbacks:
    callbacks = StreamCallbacks.objects.filter(container=stream.container_id).first()
    return callbacks or StreamCallbacks()


def _queue(
    stream: Stream, event: StreamEvent, url: str, status: int, data: Mapping[str, object]
) -> None:
    body = {
        "stream_id": stream.uid,
        "stream_url": stream.current_url,
        "status": status,
        "data": dict(data),
    }
    queue_notice(stream=stream, event=event, url=url, body=json.dumps(body))
