"""An OpenID Connect server: discovery, keys, codes, tokens, userinfo over HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, CLIENT_SECRET = "portal", "of the client"
Claims = dict[str, Any]  # Any: JSON


@cache
def key_of(signer: str) -> rsa.RSAPrivateKey:
    """Return a signer's key: the server's own, or another one's."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class OpenIdServer:
    """The server's answers; a test changes the field that should be wrong."""

    url: str = ""
    person: Claims = field(default_factory=lambda: {"sub": "248289", "preferred_username": "ana"})
    # Overrides claims of the ID token; None removes a claim.
    claims: Claims = field(default_factory=dict)
    userinfo: Claims = field(default_factory=dict)
    # Any: each algorithm has its own type of key
    signing_key: Any = field(default_factory=lambda: key_of("the server"))
    algorithm: str = "RS256"
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def configuration(self) -> Claims:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def keys(self) -> Claims:
        public = key_of("the server").public_key().public_numbers()
        key = {"kty": "RSA", "kid": "first", "alg": "RS256", "use": "sig"}
        return {"keys": [key | {"n": _base64(public.n), "e": _base64(public.e)}]}

    def authorize(self, fields: dict[str, str]) -> str:
        """Return the address to which the browser is redirected, with a code."""
        assert fields["client_id"] == CLIENT_ID
        assert fields["response_type"] == "code"
        code = secrets.token_urlsafe()
        self.codes[code] = fields
        back = urlencode({"code": code, "state": fields["state"]})
        return f"{fields['redirect_uri']}?{back}"

    def token(self, fields: dict[str, str]) -> Claims | None:
        """Exchange a code for tokens, once, and only for the client that requested it."""
        begun = self.codes.pop(fields.get("code", ""), None)
        if begun is None or fields.get("client_secret") != CLIENT_SECRET:
            return None
        digest = hashlib.sha256(fields["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if begun["code_challenge"] != challenge:
            return None
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": begun.get("nonce"),
            **self.person,
            **self.claims,
        }
        id_token = jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            self.signing_key,
            algorithm=self.algorithm,
            headers={"kid": "first"},
        )
        return {
            "access_token": "opaque",
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": id_token,
        }


def _base64(number: int) -> str:
    content = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        state, parts = self.server.provider, urlsplit(self.path)
        if parts.path == "/authorize":
            self.send_response(302)
            self.send_header("Location", state.authorize(dict(parse_qsl(parts.query))))
            self.end_headers()
            return
        pages: dict[str, Callable[[], Claims]] = {
            "/.well-known/openid-configuration": state.configuration,
            "/keys": state.keys,
            "/userinfo": lambda: state.person | state.userinfo,
        }
        is_known = self.headers.get("Authorization") == "Bearer opaque"
        if parts.path not in pages or (parts.path == "/userinfo" and not is_known):
            self._answer(401, {"error": "invalid_token"})
            return
        self._answer(200, pages[parts.path]())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        tokens = self.server.provider.token(dict(parse_qsl(body)))
        if tokens is None:
            self._answer(400, {"error": "invalid_grant"})
        else:
            self._answer(200, tokens)

    def _answer(self, status: int, content: Claims) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    provider: OpenIdServer


@contextmanager
def openid_server() -> Iterator[OpenIdServer]:
    """Run the server on a free port while the block runs."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.provider = OpenIdServer(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        try:
            yield server.provider
        finally:
            server.shutdown()


def provider_settings(url: str) -> Claims:
    """Return one provider's setting as ``acrportal.settings`` builds it."""
    return {
        "openid_connect": {
            "provider_class": "base.accounts.openid.CheckedProvider",
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [
                {
                    "provider_id": "oidc",
                    "name": "Single sign-on",
                    "client_id": CLIENT_ID,
                    "secret": CLIENT_SECRET,
                    "settings": {"server_url": url},
                }
            ],
        }
    }
