"""One action on many files of the list: a preview first, then the outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_POST

from base.accounts.models import User
from base.accounts.roles import Action
from base.accounts.services import deciders
from base.common.reading import count_words
from review.choices import WAITING_STATES
from review.decisions import assignment
from review.decisions.decide import decision_limit
from review.errors import ReviewError
from review.models import Match
from review.programmes.arrivals import store_arrival
from review.programmes.errors import ProgrammeRefused
from review.services import file_details as details
from scanning import selectors
from scanning.choices import ACTIVE_FILE_STATUSES, FileStatus, SourceType
from scanning.errors import IntakeRefused
from scanning.models import Container, ScannedFile
from scanning.services import filing
from scanning.services.filing import delete_files
from scanning.services.scans import request_scan
from scanning.tags import tags_of, territories_of, words_of
from web.portal.files.forms import reason_field
from web.portal.files.page import with_counts
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.arrivals import ArrivalFields, SeriesFields
from web.portal.shared.asking import not_agreed
from web.portal.shared.consequences import Consequences
from web.portal.shared.fields import SearchSelect, tags_field, territories_field
from web.portal.shared.file_verbs import FileVerb, always, file_verbs
from web.portal.shared.selectors import is_uuid

LIMIT = 100
"""The most files of one action: four pages of the list."""


class RescanManyForm(forms.Form):
    """Nothing to ask before files are scanned again."""


class DeleteManyForm(forms.Form):
    """The reason to delete files."""

    reason = reason_field(gettext_lazy("Why are they deleted?"))


class MoveManyForm(forms.Form):
    """The container to move files to."""

    container = forms.ModelChoiceField(
        Container.objects.present(),
        label=gettext_lazy("Move to the container"),
        empty_label=gettext_lazy("Choose a container"),
        widget=SearchSelect,
    )


class AssignManyForm(forms.Form):
    """The person who is to decide the waiting matches of files."""

    assignee = forms.ModelChoiceField(
        User.objects.none(),
        label=gettext_lazy("Who decides the waiting matches"),
        empty_label=gettext_lazy("Choose a person"),
        widget=SearchSelect,
    )

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.fields["assignee"].queryset = deciders()  # type: ignore[attr-defined]  # a model choice


class EpisodeManyForm(ArrivalFields, SeriesFields):
    """What many files have in common as programmes; empty values stay as they are."""

    def clean(self) -> dict[str, object]:
        """Require at least one value."""
        values = super().clean()
        if not self.errors and not self.arrival.episode:
            raise forms.ValidationError(
                _("Enter the series, the season or the production company.")
            )
        return values


class TagManyForm(forms.Form):
    """Territories and tags to add to what files have."""

    territories = territories_field()
    tags = tags_field()

    def clean(self) -> dict[str, object]:
        """Require at least one of both."""
        values = super().clean() or {}
        if not self.errors and not (values["territories"] or values["tags"]):
            raise forms.ValidationError(_("Enter a territory or a tag."))
        return values


def _why_not_rescanned(file: ScannedFile, _user: User, _form: forms.Form) -> str:
    if file.status in ACTIVE_FILE_STATUSES:
        return _("It is already being scanned.")
    if file.status == FileStatus.NEEDS_AUDIO or file.needs_other_audio:
        return _("It has no audio that can be scanned. Attach the audio on its page.")
    if not (file.media or file.source_type == SourceType.LINK or file.fingerprint):
        return _("Its audio was removed.")
    return ""


def _rescan(file: ScannedFile, user: User, _form: forms.Form) -> None:
    request_scan(scanned_file=file, user=user)


def _delete(file: ScannedFile, user: User, form: forms.Form) -> None:
    delete_files(files=[file], user=user, reason=form.cleaned_data["reason"])


def _why_not_moved(file: ScannedFile, user: User, form: forms.Form) -> str:
    container = _cleaned(form).get("container")
    if isinstance(container, Container):
        why = filing.why_not_moved(scanned_file=file, container=container)
        if why:
            return why
    return _held_by(file, user, form)


def _move(file: ScannedFile, user: User, form: forms.Form) -> None:
    filing.move_file(scanned_file=file, container=form.cleaned_data["container"], user=user)


def _why_not_assigned(file: ScannedFile, user: User, _form: forms.Form) -> str:
    waiting = _waiting(file).count()
    if not waiting:
        return _("None of its matches waits for a person.")
    if waiting > decision_limit(user):
        return _("Too many of its matches wait. Assign them from the queue.")
    return ""


def _assign(file: ScannedFile, user: User, form: forms.Form) -> None:
    outcome = assignment.bulk_assign(
        uids=list(_waiting(file).values_list("uid", flat=True)),
        user=user,
        assignee=form.cleaned_data["assignee"],
    )
    if outcome.refused and not outcome.done:
        raise outcome.refused[0].error


def _tags_after(file: ScannedFile, form: forms.Form) -> list[str]:
    """Return the tags of a file with those of a form that was sent."""
    values = _cleaned(form)
    return tags_of(
        territories=[*territories_of(file.tags), *_texts(values, "territories")],
        words=[*words_of(file.tags), *_texts(values, "tags")],
    )


def _texts(values: Mapping[str, object], name: str) -> list[str]:
    entries = values.get(name)
    return [str(entry) for entry in entries] if isinstance(entries, list) else []


def _why_not_tagged(file: ScannedFile, _user: User, form: forms.Form) -> str:
    if not _cleaned(form):
        return ""
    after = _tags_after(file, form)
    if set(after) == set(file.tags):
        return _("It already has all of these.")
    if len(after) > filing.MAX_TAGS:
        return _("It would have more than %(most)s tags.") % {"most": filing.MAX_TAGS}
    return ""


def _tag(file: ScannedFile, user: User, form: forms.Form) -> None:
    # The details decide which licences fit, so matches are evaluated again.
    details.change(scanned_file=file, details={"tags": _tags_after(file, form)}, user=user)


def _set_episode(file: ScannedFile, user: User, form: forms.Form) -> None:
    store_arrival(scanned_file=file, arrival=form.cleaned_data["arrival"], user=user)


def _cleaned(form: forms.Form) -> Mapping[str, object]:
    """Return the answers of a form that was sent; nothing before that."""
    return form.cleaned_data if form.is_bound and form.is_valid() else {}


def _waiting(file: ScannedFile) -> QuerySet[Match]:
    return Match.objects.filter(scanned_file=file, state__in=WAITING_STATES)


def _held_by(file: ScannedFile, user: User, _form: forms.Form) -> str:
    """Say who reviews a match of the file now, if somebody else does."""
    held = (
        Match.objects.filter(scanned_file=file, locked_until__gt=datetime.now(tz=UTC))
        .exclude(locked_by=user)
        .exclude(locked_by=None)
        .select_related("locked_by", "recording")
        .first()
    )
    if held is None or held.locked_by is None:
        return ""
    return _("%(user)s is reviewing “%(title)s” in it.") % {
        "user": held.locked_by.get_username(),
        "title": held.recording.full_title,
    }


RESCAN = FileVerb(
    gettext_lazy("Rescan"),
    ngettext_lazy("%(shown)s file scanned again", "%(shown)s files scanned again", "count"),
    Action.UPLOAD,
    RescanManyForm,
    _why_not_rescanned,
    _rescan,
)
_VERBS: dict[str, FileVerb] = {
    "rescan": RESCAN,
    "move": FileVerb(
        gettext_lazy("Move"),
        ngettext_lazy("%(shown)s file moved", "%(shown)s files moved", "count"),
        Action.DELETE,
        MoveManyForm,
        _why_not_moved,
        _move,
    ),
    "assign": FileVerb(
        gettext_lazy("Assign"),
        ngettext_lazy("%(shown)s file assigned", "%(shown)s files assigned", "count"),
        Action.DECIDE,
        AssignManyForm,
        _why_not_assigned,
        _assign,
    ),
    "tag": FileVerb(
        gettext_lazy("Add territories and tags"),
        ngettext_lazy("%(shown)s file tagged", "%(shown)s files tagged", "count"),
        Action.UPLOAD,
        TagManyForm,
        _why_not_tagged,
        _tag,
    ),
    "episode": FileVerb(
        gettext_lazy("Set series and season"),
        ngettext_lazy("%(shown)s file changed", "%(shown)s files changed", "count"),
        Action.UPLOAD,
        EpisodeManyForm,
        always,
        _set_episode,
    ),
    "delete": FileVerb(
        gettext_lazy("Delete"),
        ngettext_lazy("%(shown)s file deleted", "%(shown)s files deleted", "count"),
        Action.DELETE,
        DeleteManyForm,
        _held_by,
        _delete,
        ends=True,
    ),
}


def verb_of(name: str) -> FileVerb | None:
    """Return an action by its name in the form; None if there is none."""
    return _VERBS.get(name) or dict(file_verbs).get(name)


@require_POST
@needs(Action.UPLOAD)
def files_many(request: PortalRequest) -> HttpResponseBase:
    """Preview an action on the ticked files; do it when the user confirms."""
    back = f"{reverse('portal:file_list')}?{request.GET.urlencode()}".rstrip("?")
    verb = verb_of(request.POST.get("verb", ""))
    if verb is None:
        messages.error(request, _("Choose what to do with the files."))
        return redirect(back)
    if not request.user.has_perm(verb.action):
        raise PermissionDenied(_("Your role may not do this with files."))
    uids = {uid for uid in request.POST.getlist("file") if is_uuid(uid)}
    ticked = with_counts(selectors.files().filter(uid__in=uids)).order_by("name")
    files = list(ticked[: LIMIT + 1])
    if not files:
        messages.error(request, _("Tick at least one file."))
        return redirect(back)
    if len(files) > LIMIT:
        text = _("Tick at most %(limit)d files at once.") % {"limit": LIMIT}
        messages.error(request, text)
        return redirect(back)
    form = verb.form(request.POST if "apply" in request.POST else None)
    context = {"verb": verb, "name": request.POST["verb"], "back": back, "form": form}
    consequences = _not_agreed(request, files) if verb.ends else None
    if "apply" in request.POST and form.is_valid() and consequences is None:
        done, left_out = act_on_files(verb, files, request.user, form)
        context |= {
            "done": done,
            "done_words": count_words(verb.done, len(done)),
            "left_out": left_out,
        }
        return render(request, "portal/files/files_done.html", context)
    reasons = [(file, verb.why_not(file, request.user, form)) for file in files]
    context |= {
        "consequences": consequences,
        "files": files,
        "going": [file for file, why in reasons if not why],
        "left_out": [(file, why) for file, why in reasons if why],
    }
    return render(request, "portal/files/files_many.html", context)


def _not_agreed(request: PortalRequest, files: Sequence[ScannedFile]) -> Consequences | None:
    """Return what deleting the files takes the ground from, unless the person saw it."""
    return not_agreed(
        request,
        lambda: delete_files(files=files, user=request.user, reason=""),
        about=Q(scanned_file__in=files),
    )


def act_on_files(
    verb: FileVerb, files: Sequence[ScannedFile], user: User, form: forms.Form
) -> tuple[list[ScannedFile], list[tuple[ScannedFile, str]]]:
    """Act on each file by itself, so that one that refuses does not stop the others."""
    done: list[ScannedFile] = []
    left_out: list[tuple[ScannedFile, str]] = []
    for file in files:
        why = verb.why_not(file, user, form)
        if not why:
            try:
                verb.do(file, user, form)
            except (ProgrammeRefused, IntakeRefused, ReviewError) as refused:
                why = str(refused)
        if why:
            left_out.append((file, why))
        else:
            done.append(file)
    return done, left_out
