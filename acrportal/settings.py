"""All settings, read from the environment; docs/configuration.md lists them.

Defaults suit one machine and are safe: SQLite, local files, the embedded engine.
``NAME_FILE`` reads a secret from a file.
"""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
import environ
from django.core.exceptions import ImproperlyConfigured

from acrportal.placeholders import check_secret_key, refuse_placeholders
from acrportal.plugins import load_plugins, plugin_names
from acrportal.sign_on_map import sign_on_map
from base.common.storage_url import storage_options
from recognition.version import VERSION

# Objects made at start live on, so scanning them for garbage wastes a fifth of the start.
# ``acrportal.apps`` turns the collector on again.
gc.disable()

# Lets generic classes of Django that are not subscriptable, as File, name their types.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()
# ``manage.py move`` reads another installation's settings this way.
environ.Env.read_env(env.str("ACRPORTAL_ENV_FILE", str(BASE_DIR / ".env")))

# --- Core ---------------------------------------------------------------------

ACRPORTAL_DATA_DIR: Path = Path(env.str("ACRPORTAL_DATA_DIR", str(BASE_DIR / "var"))).resolve()
# What a command stores for this installation, as the demo does.
_STORED = ACRPORTAL_DATA_DIR / "settings.env"
if _STORED.is_file():
    environ.Env.read_env(str(_STORED))
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
# Hosts that unmodified ACRCloud clients use, if the operator routes them here by DNS or
# proxy. They belong to somebody else, so none is answered without that choice.
ALLOWED_HOSTS += env.list("ACRPORTAL_API_HOSTS", default=[])


def _secret_key() -> str:
    """Return the key from the environment, or from the file that ``make`` creates."""
    key: str = env.str("SECRET_KEY", default="")
    key_file = ACRPORTAL_DATA_DIR / "secret_key"
    if not key and key_file.is_file():
        key = key_file.read_text(encoding="ascii").strip()
    if not key:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set and there is no key file. Create one with: "
            f"python -m acrportal.secret_key {key_file}"
        )
    return check_secret_key(key)


def _earlier_keys() -> list[str]:
    """Return earlier keys: from the environment, or from the file beside the key's."""
    keys: str = env.str("SECRET_KEY_FALLBACKS", default="")
    key_file = ACRPORTAL_DATA_DIR / "secret_key_fallbacks"
    if not keys and key_file.is_file():
        keys = key_file.read_text(encoding="ascii")
    return [check_secret_key(key) for key in keys.replace(",", " ").split()]


SECRET_KEY = _secret_key()
SECRET_KEY_FALLBACKS: list[str] = _earlier_keys()
refuse_placeholders(env)
ROOT_URLCONF = "acrportal.urls"
WSGI_APPLICATION = "acrportal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Reports, API answers and texts in the database are in this language. Only languages
# whose catalogue in locale/ is complete are offered (tests/test_translations.py).
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("es", "Español"), ("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["acrportal.formats"]
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True
ACRPORTAL_SITE_NAME: str = env.str("ACRPORTAL_SITE_NAME", default="acrportal")
ACRPORTAL_BASE_URL: str = env.str("ACRPORTAL_BASE_URL", default="http://localhost:8000").rstrip("/")

# --- Apps ---------------------------------------------------------------------

ACRPORTAL_PLUGINS: list[str] = env.list(
    "ACRPORTAL_PLUGINS", default=plugin_names(BASE_DIR / "plugins")
)
_PLUGINS = load_plugins(ACRPORTAL_PLUGINS, BASE_DIR / "plugins")
for _plugin in _PLUGINS:
    globals().update(_plugin.settings)

INSTALLED_APPS = [
    "base.accounts",
    "base.audit",
    "base.jobs",
    "catalogue",
    "catalogue.owners",
    "scanning",
    "review",
    "dedup",
    "statements",
    "review.programmes",
    "imports",
    "reports",
    "reports.evidence",
    "operations",
    "web.portal",
    "web.acrapi",
    *(app for plugin in _PLUGINS for app in plugin.apps),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    # The last, because it ends the start.
    "acrportal",
]

# --- Middleware and templates -------------------------------------------------

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "base.common.static_files.StaticFiles",
    "base.common.middleware.request_id",
    # Before all that reads the path.
    "web.acrapi.middleware.single_slashes",
    # First, because later middleware counts requests by method.
    "web.acrapi.middleware.known_methods",
    "base.common.middleware.no_store",
    "web.acrapi.middleware.without_nul",
    "operations.middleware.observe",
    "csp.middleware.CSPMiddleware",
    # Outside of streams, whose chunks are produced after the view.
    "base.common.hanging_up.StopWithClient",
    "base.common.middleware.start_streams",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # After authentication, because a person's own choice comes before the browser's.
    "base.accounts.languages.speak_language",
    # After authentication, which names the sender, and before code that reads bodies.
    "base.common.bodies.BodyLimits",
    "base.accounts.limits.RequestLimits",
    "django.middleware.csrf.CsrfViewMiddleware",
    "base.accounts.middleware.work_for_user",
    "allauth.account.middleware.AccountMiddleware",
    "base.accounts.confirming.KeepForms",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "base.accounts.sessions.limit_sessions",
    "base.accounts.places.mark_devices",
    "base.accounts.second_factor.require_second_factor",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "web.portal.shared.middleware.JoinedMatches",
    "web.portal.shared.middleware.explain_not_allowed",
    "web.portal.shared.middleware.take_slash_off",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "base.common.template_loaders.FolderLoader",
                        "base.common.template_loaders.AppLoader",
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "web.portal.shared.context_processors.shell",
            ],
        },
    }
]

# --- Database -----------------------------------------------------------------

DATABASES: dict[str, Any] = {
    "default": env.db("DATABASE_URL", default=f"sqlite:///{ACRPORTAL_DATA_DIR}/portal.sqlite3")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["ENGINE"] = "base.common.sqlite"
    # Writers wait for each other instead of failing; readers never wait.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # Every write empties the page cache of other connections; memory-mapped pages
        # stay available to them.
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=268435456;"
        ),
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# Closing SQLite's last connection checkpoints its log, which takes long.
DATABASES["default"]["CONN_MAX_AGE"] = 60

# Shared counters (failed sign-ins) live in the database; each process caches the rest
# in memory. Above the limit, the oldest entries are dropped.
CACHES = {
    "default": {
        "BACKEND": "base.common.shared_cache.SharedCache",
        "LOCATION": "accounts_shared_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
    # Its own table: a flood of signatures must not push out the counters above.
    "signatures": {
        "BACKEND": "base.common.shared_cache.SharedCache",
        "LOCATION": "acrapi_signatures",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
    "process": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}

# SQLite ignores covering columns of indexes, which PostgreSQL uses.
SILENCED_SYSTEM_CHECKS = ["models.W040"]

# --- Auth ---------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["base.accounts.backends.RoleBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "portal:dashboard"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    *(
        {"NAME": f"django.contrib.auth.password_validation.{name}"}
        for name in (
            "UserAttributeSimilarityValidator",
            "CommonPasswordValidator",
            "NumericPasswordValidator",
        )
    ),
    {"NAME": "base.accounts.passwords.BreachedPasswordValidator"},
    {"NAME": "base.accounts.passwords.LongestPasswordValidator"},
]

ACCOUNT_ADAPTER = "base.accounts.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "base.accounts.forms.SignInForm",
    "change_password": "base.accounts.forms.NewPasswordForm",
    "reauthenticate": "base.accounts.forms.ConfirmForm",
}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# Nobody signs in by email address, so two people may share one.
ACCOUNT_UNIQUE_EMAIL = False
ACCOUNT_SESSION_REMEMBER = True
# As in ``base.accounts.attempts``, which says why.
ACCOUNT_RATE_LIMITS = {
    "login_failed_device": "5/5m/key",
    "login_failed": "10/m/ip,5/5m/key",
    "login_failed_unknown": "30/h/key",
}
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACRPORTAL_CONFIRM_MINUTES: float = env.float("ACRPORTAL_CONFIRM_MINUTES", 5.0)
ACCOUNT_REAUTHENTICATION_TIMEOUT = int(ACRPORTAL_CONFIRM_MINUTES * 60)
ACRPORTAL_SECOND_FACTOR_ROLES: list[str] = env.list(
    "ACRPORTAL_SECOND_FACTOR_ROLES", default=["admin", "manager"]
)
MFA_ADAPTER = "base.accounts.adapters.SecondFactorAdapter"
MFA_FORMS = {"reauthenticate": "base.accounts.forms.ConfirmByCodeForm"}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = ACRPORTAL_SITE_NAME
USERSESSIONS_ADAPTER = "base.accounts.sessions.SessionsAdapter"
SOCIALACCOUNT_ADAPTER = "base.accounts.adapters.OpenIdAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
# An open session must not be enough to add a sign-in of one's own to an account.
SOCIALACCOUNT_REAUTHENTICATION_REQUIRED = True
ACRPORTAL_OIDC_URL: str = env.str("ACRPORTAL_OIDC_URL", default="")
ACRPORTAL_OIDC_NAME: str = env.str("ACRPORTAL_OIDC_NAME", default="Single sign-on")
ACRPORTAL_OIDC_CLIENT_ID: str = env.str("ACRPORTAL_OIDC_CLIENT_ID", default="")
ACRPORTAL_OIDC_CLIENT_SECRET: str = env.str("ACRPORTAL_OIDC_CLIENT_SECRET", default="")
ACRPORTAL_OIDC_SCOPES: list[str] = env.list(
    "ACRPORTAL_OIDC_SCOPES", default=["openid", "profile", "email"]
)
ACRPORTAL_OIDC_ROLE: str = env.str("ACRPORTAL_OIDC_ROLE", default="viewer")
# For each group of that server, roles and groups of the portal; empty: admins give them.
ACRPORTAL_OIDC_GROUPS: dict[str, list[str]] = sign_on_map(
    env.str("ACRPORTAL_OIDC_GROUPS", default="")
)
ACRPORTAL_OIDC_GROUPS_CLAIM: str = env.str("ACRPORTAL_OIDC_GROUPS_CLAIM", default="groups")
# Domains whose addresses this server alone gives out. A verified one opens the account
# that an admin prepared for it.
ACRPORTAL_OIDC_MAIL_DOMAINS: list[str] = env.list("ACRPORTAL_OIDC_MAIL_DOMAINS", default=[])
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "provider_class": "base.accounts.openid.CheckedProvider",
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "oidc",
                "name": ACRPORTAL_OIDC_NAME,
                "client_id": ACRPORTAL_OIDC_CLIENT_ID,
                "secret": ACRPORTAL_OIDC_CLIENT_SECRET,
                "settings": {"server_url": ACRPORTAL_OIDC_URL, "scope": ACRPORTAL_OIDC_SCOPES},
            }
        ]
        if ACRPORTAL_OIDC_URL
        else [],
    }
}

# --- Static and media ---------------------------------------------------------

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Served from the source folders, under versioned URLs.
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 0
MEDIA_ROOT = ACRPORTAL_DATA_DIR / "media"
STORAGE_URL: str = env.str("STORAGE_URL", default="")
STORAGES: dict[str, dict[str, Any]] = {
    "default": (
        {
            "BACKEND": "base.common.object_storage.ObjectStorage",
            "OPTIONS": storage_options(STORAGE_URL),
        }
        if STORAGE_URL
        else {"BACKEND": "base.common.local_storage.LocalStorage"}
    ),
    "staticfiles": {"BACKEND": "base.common.static_files.VersionedStorage"},
}
# Only the commands that back up and restore need it: whoever takes over the portal must
# not find it in the environment of its processes.
_BACKUP_URL: str = env.str("ACRPORTAL_BACKUP_URL", default="")
ACRPORTAL_BACKUP_STORE: dict[str, Any] = (
    storage_options(_BACKUP_URL, "ACRPORTAL_BACKUP_URL") if _BACKUP_URL else {}
)
# Files and folders hold personal data and secrets, also those that commands write: they
# are for the portal's account alone.
os.umask(0o077)
FILE_UPLOAD_TEMP_DIR = ACRPORTAL_DATA_DIR / "tmp"
FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)
# Audio goes straight to disk, never through memory.
FILE_UPLOAD_HANDLERS = ["base.common.bodies.UploadToDisk"]
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_NUMBER_FILES: int = env.int("ACRPORTAL_MAX_FILES_PER_SUBMIT", 200)
ACRPORTAL_MAX_OPEN_FILES: int = env.int("ACRPORTAL_MAX_OPEN_FILES", 500)
ACRPORTAL_MAX_FILE_BYTES: int = env.int("ACRPORTAL_MAX_FILE_BYTES", 2 * 1024**3)
# Shorter than proxies wait for an answer, longer than the first search compiles.
ACRPORTAL_SEARCH_SECONDS: float = env.float("ACRPORTAL_SEARCH_SECONDS", 100.0)
ACRPORTAL_UNFINISHED_BYTES: int = env.int("ACRPORTAL_UNFINISHED_BYTES", 20 * 1024**3)
ACRPORTAL_DAY_BYTES: int = env.int("ACRPORTAL_DAY_BYTES", 200 * 1024**3)

# --- Queue --------------------------------------------------------------------

BROKER_URL: str = env.str("BROKER_URL", default="")
ACRPORTAL_LEASE_SECONDS: int = env.int("ACRPORTAL_LEASE_SECONDS", 60)
ACRPORTAL_MAX_ATTEMPTS: int = env.int("ACRPORTAL_MAX_ATTEMPTS", 3)
ACRPORTAL_SCANS_PER_CONTAINER: int = env.int("ACRPORTAL_SCANS_PER_CONTAINER", 0)
ACRPORTAL_JOBS_AT_ONCE: dict[str, int] = env.dict(
    "ACRPORTAL_JOBS_AT_ONCE", cast={"value": int}, default={}
)

ACRPORTAL_PARTITIONS: int = max(1, env.int("ACRPORTAL_PARTITIONS", 1))


def _held_partitions() -> list[int] | None:
    """Return the numbers of the partitions that this machine holds; None for all."""
    text: str = env.str("ACRPORTAL_HELD_PARTITIONS", default="all").strip()
    if text in {"all", "none"}:
        return None if text == "all" else []
    numbers = [int(part) if part.strip().isdigit() else 0 for part in text.split(",")]
    if not all(1 <= number <= ACRPORTAL_PARTITIONS for number in numbers):
        raise ImproperlyConfigured(
            f"ACRPORTAL_HELD_PARTITIONS is {text!r}. It must be all, none, or numbers "
            f"from 1 to ACRPORTAL_PARTITIONS ({ACRPORTAL_PARTITIONS}) with commas."
        )
    return numbers


ACRPORTAL_HELD_PARTITIONS: list[int] | None = _held_partitions()

# --- Recognition --------------------------------------------------------------

ACRPORTAL_MIN_AUDIO_MS: int = env.int("ACRPORTAL_MIN_AUDIO_MS", 2_000)
ACRPORTAL_MAX_AUDIO_MS: int = env.int("ACRPORTAL_MAX_AUDIO_MS", 48 * 3_600_000)
ACRPORTAL_DECODE_MEMORY_BYTES: int = env.int("ACRPORTAL_DECODE_MEMORY_BYTES", 2 * 1024**3)

# --- Review -------------------------------------------------------------------

ACRPORTAL_APPROVE_OWN: bool = env.bool("ACRPORTAL_APPROVE_OWN", default=False)
ACRPORTAL_DISPUTE_MAIL: bool = env.bool("ACRPORTAL_DISPUTE_MAIL", default=False)

# --- Statements ---------------------------------------------------------------

ACRPORTAL_STATEMENT_MAIL: bool = env.bool("ACRPORTAL_STATEMENT_MAIL", default=False)
ACRPORTAL_STATEMENT_WEBHOOK: str = env.str("ACRPORTAL_STATEMENT_WEBHOOK", default="")
ACRPORTAL_STATEMENT_WEBHOOK_SECRET: str = env.str("ACRPORTAL_STATEMENT_WEBHOOK_SECRET", default="")
if ACRPORTAL_STATEMENT_WEBHOOK and not ACRPORTAL_STATEMENT_WEBHOOK_SECRET:
    raise ImproperlyConfigured(
        "ACRPORTAL_STATEMENT_WEBHOOK is set. Set ACRPORTAL_STATEMENT_WEBHOOK_SECRET, too: "
        "it signs what is posted."
    )

# --- Evidence -----------------------------------------------------------------

ACRPORTAL_SIGNING_KEY: str = env.str("ACRPORTAL_SIGNING_KEY", default="", multiline=True)

# --- Retention ----------------------------------------------------------------

ACRPORTAL_AUDIO_DAYS: int = env.int("ACRPORTAL_AUDIO_DAYS", 365)

# --- Reports -------------------------------------------------------------------

ACRPORTAL_REPORT_DAYS: int = env.int("ACRPORTAL_REPORT_DAYS", 365)
ACRPORTAL_REPORT_PSEUDONYMS: bool = env.bool("ACRPORTAL_REPORT_PSEUDONYMS", default=False)

# --- Mail -----------------------------------------------------------------------

_mail = env.email_url("EMAIL_URL", default="smtp://localhost:25")
EMAIL_BACKEND: str = _mail["EMAIL_BACKEND"]
EMAIL_HOST: str = _mail["EMAIL_HOST"]
EMAIL_PORT: int = _mail["EMAIL_PORT"]
EMAIL_HOST_USER: str = _mail["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD: str = _mail["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS: bool = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL: bool = _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 15
ACRPORTAL_ACCOUNT_MAIL: bool = env.bool("ACRPORTAL_ACCOUNT_MAIL", default=True)
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", "portal@localhost")
# Without any, mail goes to every domain, and webhooks to every public host.
ACRPORTAL_MAIL_DOMAINS: list[str] = env.list("ACRPORTAL_MAIL_DOMAINS", default=[])
ACRPORTAL_WEBHOOK_HOSTS: list[str] = env.list("ACRPORTAL_WEBHOOK_HOSTS", default=[])

# --- Links and callbacks ------------------------------------------------------

ACRPORTAL_ALLOW_PRIVATE_ADDRESSES: bool = env.bool(
    "ACRPORTAL_ALLOW_PRIVATE_ADDRESSES", default=False
)
ACRPORTAL_LINK_SECONDS: int = env.int("ACRPORTAL_LINK_SECONDS", 3600)
ACRPORTAL_LINK_UNSIZED_SECONDS: int = env.int("ACRPORTAL_LINK_UNSIZED_SECONDS", 300)
ACRPORTAL_YTDLP: bool = env.bool("ACRPORTAL_YTDLP", default=True)
ACRPORTAL_YTDLP_COMMAND: str = env.str("ACRPORTAL_YTDLP_COMMAND", default="")
ACRPORTAL_MAX_FEED_ITEMS: int = env.int("ACRPORTAL_MAX_FEED_ITEMS", 200)
ACRPORTAL_CALLBACK_MAX_BYTES: int = env.int("ACRPORTAL_CALLBACK_MAX_BYTES", 16 * 1024**2)
ACRPORTAL_ORPHAN_DAYS: int = env.int("ACRPORTAL_ORPHAN_DAYS", 7)
ACRPORTAL_ORPHANS_PER_ADDRESS: int = env.int("ACRPORTAL_ORPHANS_PER_ADDRESS", 1000)
ACRPORTAL_ORPHAN_BYTES: int = env.int("ACRPORTAL_ORPHAN_BYTES", 64 * 1024**2)
ACRPORTAL_CLOUD_POLL_SECONDS: float = env.float("ACRPORTAL_CLOUD_POLL_SECONDS", 15.0)
ACRPORTAL_CLOUD_WAIT_HOURS: int = env.int("ACRPORTAL_CLOUD_WAIT_HOURS", 72)

# --- Drops --------------------------------------------------------------------

# Folders and buckets below which drops may lie; without any, there are none.
ACRPORTAL_DROP_ROOTS: list[str] = env.list("ACRPORTAL_DROP_ROOTS", default=[])
ACRPORTAL_DROP_STORES: dict[str, dict[str, Any]] = {
    options["bucket_name"]: options
    for options in map(storage_options, env.list("ACRPORTAL_DROP_STORES", default=[]))
}
ACRPORTAL_DROP_SETTLE_SECONDS: float = env.float("ACRPORTAL_DROP_SETTLE_SECONDS", 30.0)

# --- API ----------------------------------------------------------------------

_BEHIND_PROXY: bool = env.bool("ACRPORTAL_BEHIND_PROXY", default=False)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "web.portal.api.errors.exception_handler",
    # Without a proxy, trust no header for the client's address.
    "NUM_PROXIES": int(_BEHIND_PROXY),
    # "format" selects a report's file format here, not the renderer.
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "acrportal",
    "DESCRIPTION": "The ACRCloud-compatible API, and the one that the pages use.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/portal/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "web.acrapi.schema.without_empty_defaults",
    ],
    "ENUM_NAME_OVERRIDES": {
        "RunStateEnum": "reports.choices.RunState",
        "SoundKindEnum": "web.portal.api.timelines.SOUNDS",
        "MatchStateEnum": "review.choices.MatchState",
        "RecordingStatusEnum": "catalogue.models.RecordingStatus",
        "DisputeStatusEnum": "review.choices.DisputeStatus",
        "StatementKindEnum": "statements.choices.kind_choices",
        "StatementStateEnum": "statements.choices.StatementState",
        **{name: path for plugin in _PLUGINS for name, path in plugin.enums.items()},
    },
}

# --- Lists that programs follow ---------------------------------------------------

ACRPORTAL_SETTLING_SECONDS: float = env.float("ACRPORTAL_SETTLING_SECONDS", 10.0)

# --- Rate limits ----------------------------------------------------------------

ACRPORTAL_RATE_LIMITS: bool = env.bool("ACRPORTAL_RATE_LIMITS", default=True)
ACRPORTAL_API_RATE: int = env.int("ACRPORTAL_API_RATE", 10)
ACRPORTAL_PAGE_RATE: int = env.int("ACRPORTAL_PAGE_RATE", 20)
ACRPORTAL_COSTLY_RATE: int = env.int("ACRPORTAL_COSTLY_RATE", 60)
ACRPORTAL_STRANGER_RATE: int = env.int("ACRPORTAL_STRANGER_RATE", 5)

# --- Security -----------------------------------------------------------------

ACRPORTAL_HTTPS: bool = env.bool("ACRPORTAL_HTTPS", default=True)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ACRPORTAL_HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_SERIALIZER = "base.common.sealed_sessions.SealedJSON"
CSRF_COOKIE_HTTPONLY = True
if ACRPORTAL_HTTPS:
    # The __Host- prefix makes browsers accept the cookie only from this host over
    # HTTPS.
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
ACRPORTAL_SESSION_HOURS: float = env.float("ACRPORTAL_SESSION_HOURS", 168.0)
ACRPORTAL_SESSION_IDLE_HOURS: float = env.float("ACRPORTAL_SESSION_IDLE_HOURS", 12.0)
SESSION_COOKIE_AGE = int(ACRPORTAL_SESSION_HOURS * 3600)
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not ACRPORTAL_HTTPS
SECURE_SSL_REDIRECT = ACRPORTAL_HTTPS
# A redirect turns a client's POST into a GET, so the API never redirects.
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$", r"^api/(?!docs/)", r"^v1/", r"^uploads/"]
SECURE_HSTS_SECONDS = 31_536_000 if ACRPORTAL_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = ACRPORTAL_HTTPS
SECURE_HSTS_PRELOAD = ACRPORTAL_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if _BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = True
    # Count attempts per client address as the proxy reports it, not per proxy.
    ALLAUTH_TRUSTED_PROXY_COUNT = 1
_OIDC_ORIGIN = "{0.scheme}://{0.netloc}".format(urlsplit(ACRPORTAL_OIDC_URL))
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        # Browsers apply this to redirects after a form too, and sign-in redirects
        # there.
        "form-action": ["'self'", *([_OIDC_ORIGIN] if ACRPORTAL_OIDC_URL else [])],
        "frame-ancestors": ["'none'"],
    }
}


def _contact() -> str:
    """Return the address for reports of vulnerabilities, as security.txt needs it."""
    contact: str = env.str("ACRPORTAL_SECURITY_CONTACT", default="")
    if contact and not contact.startswith(("mailto:", "https://", "tel:")):
        raise ImproperlyConfigured(
            "ACRPORTAL_SECURITY_CONTACT must begin with mailto:, https:// or tel:, as "
            "mailto:security@example.org."
        )
    return contact


ACRPORTAL_SECURITY_CONTACT: str = _contact()

# --- Monitoring ---------------------------------------------------------------

ACRPORTAL_METRICS_TOKEN: str = env.str("ACRPORTAL_METRICS_TOKEN", default="")
ACRPORTAL_ALIVE_FILE: str = env.str("ACRPORTAL_ALIVE_FILE", default="")
ACRPORTAL_SLOW_QUERY_MS: int = env.int("ACRPORTAL_SLOW_QUERY_MS", 500)

# --- Logging ------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "base.common.logs.RequestIdFilter"},
        "secrets": {"()": "base.common.logs.RedactSecrets"},
    },
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s",
            "rename_fields": {"asctime": "at", "levelname": "level", "name": "logger"},
        }
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "filters": ["request_id", "secrets"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.server": {"handlers": ["stderr"], "propagate": False},
        # fontTools logs a hundred lines for each PDF.
        "fontTools": {"level": "WARNING"},
        # Celery logs several lines for each job, and each start of a worker as an essay.
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        # It compares clocks by how late messages are, which those of a busy worker are;
        # ``doctor`` compares them with the database's.
        "celery.events.state": {"level": "ERROR"},
    },
}
