"""Sign-in through the organisation's OpenID Connect server, checked to the letter.

The library leaves out what the standard lets a client leave out where the server is
reached over TLS: the signature of the ID token, and the nonce that ties it to this
browser. Here both are checked, and that both answers are of the same person.
"""

from __future__ import annotations

import secrets
from typing import Any

import jwt
import requests
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import (
    OpenIDConnectProvider,
)
from allauth.socialaccount.providers.openid_connect.views import (
    OpenIDConnectOAuth2Adapter,
)
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse

PROVIDER = "oidc"
# Never "none", and never one that signs with what the client knows too.
_SIGNATURES = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
]
# How far the clocks of two servers may be apart.
_CLOCKS_SECONDS = 60

Claims = dict[str, Any]  # Any: JSON of the server


class CheckedAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # the library is not typed
    """Takes an ID token only when it was signed for this portal, for this person."""

    def complete_login(
        self,
        request: HttpRequest,
        app: object,
        token: SocialToken,
        *,
        response: Claims,
    ) -> SocialLogin:
        """Return who signed in, by what both the token and the server say."""
        if not response.get("id_token"):
            raise OAuth2Error("the answer holds no ID token")
        claims = self._checked(str(response["id_token"]))
        told = self._fetch_user_info(token.token)
        if told.get("sub") != claims["sub"]:
            raise OAuth2Error("the ID token is of somebody else")
        return self.get_provider().sociallogin_from_response(
            request, {"userinfo": told, "id_token": claims}
        )

    def _checked(self, id_token: str) -> Claims:
        client = self.get_provider().app.client_id
        try:
            claims: Claims = jwt.decode(
                id_token,
                key=self._key_of(id_token),
                algorithms=_SIGNATURES,
                audience=client,
                issuer=self.openid_config["issuer"],
                leeway=_CLOCKS_SECONDS,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except (jwt.PyJWTError, KeyError) as error:
            raise OAuth2Error(f"the ID token does not hold: {error}") from error
        if claims.get("azp", client) != client:
            raise OAuth2Error("the ID token was made for another client")
        return claims

    def _key_of(self, id_token: str) -> jwt.PyJWK:
        """Return the server's key that the token names, or its only one."""
        wanted = jwt.get_unverified_header(id_token).get("kid")
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
            keys = jwt.PyJWKSet.from_dict(answer.json()).keys
        fitting = [key for key in keys if wanted in (None, key.key_id)]
        if len(fitting) != 1:
            raise OAuth2Error(f"the server has no one key {wanted!r}")
        return fitting[0]


class CheckedProvider(OpenIDConnectProvider):  # type: ignore[misc]  # as above
    """Sends people to the server with a nonce, which has to come back."""

    oauth2_adapter_class = CheckedAdapter

    def redirect(
        self,
        request: HttpRequest,
        process: str,
        next_url: str | None = None,
        data: object = None,
        **more: Any,  # Any: the library's own signature
    ) -> HttpResponse:
        """Lead to the server; tell where it cannot be asked for its address."""
        nonce = secrets.token_urlsafe(32)
        # Last: what else is sent may stand in the address that led here.
        more["auth_params"] = {**more.get("auth_params", {}), "nonce": nonce}
        try:
            answer: HttpResponse = super().redirect(
                request, process, next_url, data, nonce=nonce, **more
            )
        except (requests.RequestException, KeyError) as error:
            answer = render_authentication_error(request, self, exception=error)
        return answer


def refuse_wrong_nonce(login: SocialLogin) -> None:
    """Raise where the ID token is not the answer to what this browser asked for."""
    sent = login.state.get("nonce")
    came = login.account.extra_data.get("id_token", {}).get("nonce")
    if not sent or not secrets.compare_digest(str(came), str(sent)):
        raise OAuth2Error("the ID token answers another sign-in")


@login_not_required
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Take the server's answer."""
    view = OAuth2CallbackView.adapter_view(CheckedAdapter(request, provider_id))
    try:
        answer: HttpResponse = view(request)
    except SocialApp.DoesNotExist as error:
        raise Http404 from error
    return answer
