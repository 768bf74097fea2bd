"""Sign-in with OpenID Connect, with checks that django-allauth leaves out.

The standard lets a client that talks to the server over TLS skip the signature of the
ID token and the nonce that ties it to this browser. This module checks both, and that
the token and the user info name the same person.
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
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse

PROVIDER = "oidc"
# Asymmetric algorithms only: "none" is unsigned, and the HMAC family signs with the
# client secret, which the client knows too.
_SIGNATURES = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
]
# Tolerated clock difference between the two servers.
_CLOCKS_SECONDS = 60

Claims = dict[str, Any]  # Any: JSON of the server


class CheckedAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # the library is not typed
    """Accepts an ID token only if it is signed, for this portal and for this person."""

    def complete_login(
        self, request: HttpRequest, app: object, token: SocialToken, *, response: Claims
    ) -> SocialLogin:
        """Return the login that both the ID token and the user info confirm."""
        if not response.get("id_token"):
            raise OAuth2Error("the answer holds no ID token")
        claims = self._verify_claims(str(response["id_token"]))
        user_info = self._fetch_user_info(token.token)
        if user_info.get("sub") != claims["sub"]:
            raise OAuth2Error("the ID token belongs to another person")
        return self.get_provider().sociallogin_from_response(
            request, {"userinfo": user_info, "id_token": claims}
        )

    def _verify_claims(self, id_token: str) -> Claims:
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
            raise OAuth2Error(f"the ID token is invalid: {error}") from error
        # A token can list several audiences; azp names the intended client.
        if claims.get("azp", client) != client:
            raise OAuth2Error("the ID token was made for another client")
        return claims

    def _key_of(self, id_token: str) -> jwt.PyJWK:
        """Return the server's key that the token names, or its only key."""
        key_id = jwt.get_unverified_header(id_token).get("kid")
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
            try:
                keys = jwt.PyJWKSet.from_dict(answer.json()).keys
            except (ValueError, RecursionError, AttributeError) as error:
                raise OAuth2Error(f"the server's keys are unreadable: {error}") from error
        candidates = [key for key in keys if key_id in (None, key.key_id)]
        if len(candidates) != 1:
            raise OAuth2Error(f"the server has no single key {key_id!r}")
        return candidates[0]


class CheckedProvider(OpenIDConnectProvider):  # type: ignore[misc]  # as above
    """Sends people to the server with a nonce, which the ID token must repeat."""

    oauth2_adapter_class = CheckedAdapter

    def redirect(
        self,
        request: HttpRequest,
        process: str,
        next_url: str | None = None,
        data: object = None,
        **options: Any,  # Any: the library's own signature
    ) -> HttpResponse:
        """Redirect to the server; show an error if it is unreachable."""
        nonce = secrets.token_urlsafe(32)
        # Our nonce goes last, because the address that led here can carry parameters
        # too.
        options["auth_params"] = {**options.get("auth_params", {}), "nonce": nonce}
        try:
            answer: HttpResponse = super().redirect(
                request, process, next_url, data, nonce=nonce, **options
            )
        except (requests.RequestException, KeyError) as error:
            answer = render_authentication_error(request, self, exception=error)
        return answer


def refuse_wrong_nonce(login: SocialLogin) -> None:
    """Raise if the ID token does not answer the request that this browser sent."""
    sent = login.state.get("nonce")
    returned = login.account.extra_data.get("id_token", {}).get("nonce")
    # Without a stored nonce the answer is not ours, so refuse it too.
    if not sent or not secrets.compare_digest(str(returned), str(sent)):
        raise OAuth2Error("the ID token belongs to another sign-in")


@login_not_required
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Complete the sign-in when the server sends the browser back."""
    view = OAuth2CallbackView.adapter_view(CheckedAdapter(request, provider_id))
    try:
        answer: HttpResponse = view(request)
    except SocialApp.DoesNotExist as error:
        raise Http404 from error
    return answer
