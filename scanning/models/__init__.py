"""The models of this package, one module per subject."""

from __future__ import annotations

from scanning.models.callback import InboundCallback
from scanning.models.cloud_account import CloudAccount, FormSent
from scanning.models.cloud_job import AudioBecause, CloudDeletion, CloudJob, SentAs
from scanning.models.container import Container
from scanning.models.detection import Detection, Segment
from scanning.models.drop import Drop, DropFolder, DropItem
from scanning.models.file_track import FileTrack
from scanning.models.outbound import DeliveryAttempt, OutboundCallback
from scanning.models.partition_search import PartitionQuestion, PartitionSearch
from scanning.models.project import Project
from scanning.models.resumable_upload import ResumableUpload, UploadPiece
from scanning.models.retro_search import RetroSearch
from scanning.models.scan import Scan
from scanning.models.scanned_file import ScannedFile
from scanning.models.speech import ScanSpeech, SegmentSpeech
from scanning.models.watch import Watch, WatchCheck, WatchItem

__all__ = [
    "AudioBecause",
    "CloudAccount",
    "CloudDeletion",
    "CloudJob",
    "Container",
    "DeliveryAttempt",
    "Detection",
    "Drop",
    "DropFolder",
    "DropItem",
    "FileTrack",
    "FormSent",
    "InboundCallback",
    "OutboundCallback",
    "PartitionQuestion",
    "PartitionSearch",
    "Project",
    "ResumableUpload",
    "RetroSearch",
    "Scan",
    "ScanSpeech",
    "ScannedFile",
    "Segment",
    "SegmentSpeech",
    "SentAs",
    "UploadPiece",
    "Watch",
    "WatchCheck",
    "WatchItem",
]
