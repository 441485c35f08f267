"""Django's settings. What may differ between installations comes from launch.environment."""

import os
from typing import Any

from csp.constants import NONE, SELF

from notifier.launch.environment import CHECKOUT, database_settings, read_environment
from notifier.launch.postgres import connection_settings

ENVIRONMENT = read_environment(os.environ)

BASE_DIR = CHECKOUT
DATA_DIR = ENVIRONMENT.data_dir
DEBUG = ENVIRONMENT.debug
SECRET_KEY = ENVIRONMENT.secret_key
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts) or ["localhost", "127.0.0.1", "[::1]"]

INSTALLED_APPS = [
    # Before django_q: its qcluster command is ours, see management/commands/qcluster.py.
    "notifier",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    # Its templates of fields and widgets, some of which ours replace.
    "django.forms",
    "django_q",
    "django_htmx",
    "django_tables2",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "notifier.api.parsing.refuse_unmeasured_bodies",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "notifier.web.middleware.HtmxPagesMiddleware",
    # Every page is closed unless its view says otherwise; the API checks for itself.
    "notifier.web.middleware.ClosedPagesMiddleware",
]

ROOT_URLCONF = "notifier.urls"
WSGI_APPLICATION = "notifier.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["django.templatetags.static", "notifier.web.tags"],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
DJANGO_TABLES2_TEMPLATE = "tables/table.html"

# --- What a browser may do with our pages ---------------------------------------------

# Everything comes from here; data: is for the small pictures within Tabler's style sheet.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"

# --- Database -------------------------------------------------------------------------

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **(
            connection_settings(DATA_DIR)
            if ENVIRONMENT.uses_embedded_database
            else database_settings(ENVIRONMENT.database_url)
        ),
        # Kept connections, checked before use: a restarted server is met by
        # a new connection instead of an error on a page.
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}
DATABASES["default"].setdefault("OPTIONS", {})
DATABASES["default"]["OPTIONS"] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    # Keepalives do not count while a statement is under way to a host that is
    # gone: it would be waited for for a quarter of an hour.
    "tcp_user_timeout": 20_000,
    **DATABASES["default"]["OPTIONS"],
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- People ---------------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "sign_in"

# --- Language and time ----------------------------------------------------------------

LANGUAGE_CODE = "en-us"
USE_I18N = True
USE_TZ = True
TIME_ZONE = ENVIRONMENT.time_zone
USE_THOUSAND_SEPARATOR = True

# --- Static files ---------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- The engine's parameters ----------------------------------------------------------

# See docs/delivery-contract.md for what each is, and why.
PARAMETERS = ENVIRONMENT.parameters
BREAKER_WINDOW_SECONDS = PARAMETERS.breaker_window_seconds
BREAKER_FEWEST_CALLS = PARAMETERS.breaker_fewest_calls
BREAKER_TROUBLE_SHARE = PARAMETERS.breaker_trouble_share
BREAKER_FIRST_REST_SECONDS = PARAMETERS.breaker_first_rest_seconds
BREAKER_LONGEST_REST_SECONDS = PARAMETERS.breaker_longest_rest_seconds
BREAKER_RAMP_SECONDS = PARAMETERS.breaker_ramp_seconds
BREAKER_PROBES = PARAMETERS.breaker_probes
FIRST_RETRY_SECONDS = PARAMETERS.first_retry_seconds
LONGEST_RETRY_SECONDS = PARAMETERS.longest_retry_seconds
LONGEST_RETRY_AFTER_SECONDS = PARAMETERS.longest_retry_after_seconds
LEASE_SECONDS = PARAMETERS.lease_seconds
SWEEP_SECONDS = PARAMETERS.sweep_seconds
FROZEN_SECONDS = PARAMETERS.frozen_seconds
SLICE_SECONDS = PARAMETERS.slice_seconds
DATABASE_PATIENCE_SECONDS = PARAMETERS.database_patience_seconds
PAUSE_AT_REJECTED_SHARE = PARAMETERS.pause_at_rejected_share
PAUSE_AFTER_RESULTS = PARAMETERS.pause_after_results

# Where tests have processes die; empty otherwise.
FAIL_POINTS = ENVIRONMENT.fail_points
FAIL_POINTS_SEED = os.environ.get("NOTIFIER_FAIL_POINTS_SEED", "")

# --- Clusters -------------------------------------------------------------------------

# How many senders work at once, over all machines: each holds one slot.
SENDER_SLOTS = ENVIRONMENT.sender_slots

# Longer than any slice of sending can last: the queue is never meant to step in.
LONGEST_TASK_SECONDS = round(SLICE_SECONDS + DATABASE_PATIENCE_SECONDS + 30)

# Three more than the senders: one for starts and sweeps, one for an import, one to spare.
CLUSTER_WORKERS = SENDER_SLOTS + 3

Q_CLUSTER = {
    "name": "notifier",
    "orm": "default",
    "broker_class": "notifier.delivery.queue.ClusterBroker",
    "workers": CLUSTER_WORKERS,
    "queue_limit": 1,
    "bulk": 1,
    "poll": 0.1,
    "timeout": LONGEST_TASK_SECONDS,
    "retry": LONGEST_TASK_SECONDS + 30,
    "ack_failures": True,
    "max_attempts": 3,
    "catch_up": False,
    "save_limit": -1,
    "scheduler": False,
    "label": "Tasks",
}

# --- Gateway --------------------------------------------------------------------------

GATEWAY_URL = ENVIRONMENT.effective_gateway_url
GATEWAY_TOKEN = ENVIRONMENT.gateway_token or ("sandbox" if ENVIRONMENT.uses_sandbox_gateway else "")

# --- Clients --------------------------------------------------------------------------

DEFAULT_CLIENT_TIMEZONE = "UTC"

# The largest file that is imported: megabytes, rows, columns, characters of a cell.
# So long the database may look for who matches a filter while a person waits.
FILTER_SECONDS = 3.0
IMPORT_MOST_MEGABYTES = ENVIRONMENT.import_limits.import_most_megabytes
IMPORT_MOST_ROWS = ENVIRONMENT.import_limits.import_most_rows
IMPORT_MOST_COLUMNS = ENVIRONMENT.import_limits.import_most_columns
IMPORT_MOST_CELL_CHARACTERS = ENVIRONMENT.import_limits.import_most_cell_characters

# Files come by way of the disk, never as a whole through memory.
FILE_UPLOAD_HANDLERS = [
    "notifier.web.imports.uploads.CarefulUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
# A file's columns have three fields each in the form that asks what they hold.
DATA_UPLOAD_MAX_NUMBER_FIELDS = max(1_000, 3 * IMPORT_MOST_COLUMNS + 100)

# --- E-mail ---------------------------------------------------------------------------

# Empty: an administrator has not set it, and nothing is sent.
EMAIL_HOST = ENVIRONMENT.email.host
EMAIL_PORT = ENVIRONMENT.email.port
EMAIL_HOST_USER = ENVIRONMENT.email.host_user
EMAIL_HOST_PASSWORD = ENVIRONMENT.email.host_password
EMAIL_USE_TLS = ENVIRONMENT.email.use_tls
EMAIL_USE_SSL = ENVIRONMENT.email.use_ssl
# For the whole of an e-mail, from connecting to the last reply.
EMAIL_TIMEOUT = ENVIRONMENT.email.timeout_seconds
DEFAULT_FROM_EMAIL = ENVIRONMENT.email_sender
# Where the links in e-mails lead.
SITE_URL = ENVIRONMENT.effective_site_url
SITE_URL_IS_SET = bool(ENVIRONMENT.email.site_url)

# --- Mailings -------------------------------------------------------------------------

# The end of a mailing that names none.
DEFAULT_MAILING_HOURS = 24

# --- Logs -----------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "notifier": {"level": "INFO"},
        # It tells of every task at INFO, several a second.
        "django-q": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}

# --- API ------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # First, as its challenge makes the answer to strangers a 401.
        "notifier.api.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["notifier.api.parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "notifier.api.pagination.NewestFirst",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "notifier.api.errors.answer_error",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Notifier",
    "VERSION": "1",
    "DESCRIPTION": "Clients, mailings to them, and what became of every message. Times carry any "
    "offset and are shown in UTC. Unknown fields and parameters are refused. A slash at the end "
    "of an address makes no difference.",
    "SCHEMA_PATH_PREFIX": "/api",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "MailingStatus": "notifier.mailings.models.MailingStatus.choices",
        "MessageStatus": "notifier.delivery.models.MessageStatus.choices",
        "ImportStatus": "notifier.clients.imports.models.ImportStatus.choices",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "notifier.api.schema.describe_errors",
    ],
}
