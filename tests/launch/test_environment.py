import subprocess
import sys
from pathlib import Path

import pytest

from notifier.launch.email_settings import EmailSettings
from notifier.launch.environment import CHECKOUT, Environment, read_environment
from notifier.launch.errors import BadVariable
from notifier.launch.parameters import ImportLimits, Parameters

GOOD = {"SECRET_KEY": "a secret"}


def environment(data_dir: Path, **variables: str) -> Environment:
    return read_environment({**GOOD, "NOTIFIER_DATA_DIR": str(data_dir), **variables})


def test_nothing_needs_to_be_set(tmp_path):
    found = environment(tmp_path)

    assert found == Environment(
        port=8000,
        bind_host="127.0.0.1",
        sandbox_port=8090,
        debug=False,
        data_dir=tmp_path,
        database_url="",
        secret_key="a secret",
        allowed_hosts=(),
        gateway_url="",
        gateway_token="",
        sender_slots=2,
        time_zone="UTC",
        email=EmailSettings(),
        parameters=Parameters(),
        import_limits=ImportLimits(),
        fail_points={},
    )


def test_everything_can_be_set(tmp_path):
    found = environment(
        tmp_path,
        PORT="8010",
        BIND_HOST="0.0.0.0",
        SANDBOX_PORT="8091",
        DEBUG="yes",
        DATABASE_URL="postgres://anna:secret@db:5433/notifier",
        ALLOWED_HOSTS="sms.example.com, .example.org",
        GATEWAY_URL="https://gateway.example.com/v1/",
        GATEWAY_TOKEN="token",
        SENDER_SLOTS="64",
        TZ="Asia/Omsk",
        LEASE_SECONDS="20",
        IMPORT_MOST_ROWS="5000",
        EMAIL_HOST="smtp.example.com",
        EMAIL_PORT="2525",
        EMAIL_HOST_USER="notifier",
        EMAIL_HOST_PASSWORD="secret",
        EMAIL_USE_TLS="1",
        EMAIL_TIMEOUT="5",
        DEFAULT_FROM_EMAIL="Notifier <sms@example.com>",
        SITE_URL="https://sms.example.com/",
    )

    assert found == Environment(
        port=8010,
        bind_host="0.0.0.0",
        sandbox_port=8091,
        debug=True,
        data_dir=tmp_path,
        database_url="postgres://anna:secret@db:5433/notifier",
        secret_key="a secret",
        allowed_hosts=("sms.example.com", ".example.org"),
        gateway_url="https://gateway.example.com/v1",
        gateway_token="token",
        sender_slots=64,
        time_zone="Asia/Omsk",
        email=EmailSettings(
            host="smtp.example.com",
            port=2525,
            host_user="notifier",
            host_password="secret",
            use_tls=True,
            timeout_seconds=5,
            from_address="Notifier <sms@example.com>",
            site_url="https://sms.example.com",
        ),
        parameters=Parameters(lease_seconds=20),
        import_limits=ImportLimits(import_most_rows=5000),
        fail_points={},
    )


NOT_A_PORT = "is not a port: use a whole number from 1 to 65535."
NOT_A_DATABASE = "is not a PostgreSQL address: use postgres://user:password@host:5432/name."
NOT_HOSTS = "is not a list of host names: separate them by commas."
NOT_HTTP = "is not an http(s) address: use, for example, https://gateway.example.com."
NOT_A_MAIL_SERVER = (
    "is not a host name: use, for example, smtp.example.com; its port is EMAIL_PORT."
)
NOT_A_SENDER = "is not an e-mail address: use, for example, Notifier <notifier@example.com>."
NOT_A_SITE = "is not an http(s) address: use, for example, https://notifier.example.com."
NOT_SENDERS = "is not a number of senders: use a whole number from 1 to 64."
NOT_A_ZONE = "is not a time zone: use a name as Europe/Riga."
NOT_AN_ADDRESS = "is not an IP address: use 127.0.0.1, or 0.0.0.0 for every network."


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("PORT", "eighty", NOT_A_PORT),
        ("PORT", "0", NOT_A_PORT),
        ("PORT", "65536", NOT_A_PORT),
        ("PORT", "８０", NOT_A_PORT),
        ("PORT", "-1", NOT_A_PORT),
        ("SANDBOX_PORT", "1e3", NOT_A_PORT),
        ("SANDBOX_PORT", "8000", "is also PORT: use another port."),
        ("BIND_HOST", "example.com", NOT_AN_ADDRESS),
        ("DEBUG", "perhaps", "is neither true nor false: use 1 or 0."),
        ("DATABASE_URL", "nonsense", NOT_A_DATABASE),
        ("DATABASE_URL", "sqlite:///notifier.db", NOT_A_DATABASE),
        ("DATABASE_URL", "postgres://db", NOT_A_DATABASE),
        ("DATABASE_URL", "postgres://db:port/notifier", NOT_A_DATABASE),
        ("ALLOWED_HOSTS", "https://sms.example.com", NOT_HOSTS),
        ("ALLOWED_HOSTS", "a b", NOT_HOSTS),
        ("GATEWAY_URL", "ftp://gateway", NOT_HTTP),
        ("GATEWAY_URL", "gateway", NOT_HTTP),
        ("GATEWAY_URL", "http://", NOT_HTTP),
        ("GATEWAY_URL", "http://gateway:99999", NOT_HTTP),
        (
            "GATEWAY_URL",
            "http://gateway/?a=1",
            "may not carry a query or fragment: give the base address.",
        ),
        ("SENDER_SLOTS", "0", NOT_SENDERS),
        ("SENDER_SLOTS", "65", NOT_SENDERS),
        ("SENDER_SLOTS", "2.5", NOT_SENDERS),
        ("EMAIL_HOST", "smtp.example.com:25", NOT_A_MAIL_SERVER),
        ("EMAIL_HOST", "https://smtp.example.com", NOT_A_MAIL_SERVER),
        ("EMAIL_PORT", "smtp", NOT_A_PORT),
        ("EMAIL_USE_TLS", "perhaps", "is neither true nor false: use 1 or 0."),
        ("EMAIL_TIMEOUT", "0", "is not a time: use whole seconds from 1 to 30."),
        ("EMAIL_TIMEOUT", "31", "is not a time: use whole seconds from 1 to 30."),
        ("DEFAULT_FROM_EMAIL", "Notifier", NOT_A_SENDER),
        ("SITE_URL", "notifier.example.com", NOT_A_SITE),
        (
            "SITE_URL",
            "https://example.com/notifier",
            "may name a host and a port only: use, for example, https://notifier.example.com.",
        ),
        ("TZ", "Mars/Olympus", NOT_A_ZONE),
        ("TZ", "../etc/passwd", NOT_A_ZONE),
        ("NOTIFIER_DATA_DIR", "/etc/passwd", "is not a folder."),
        ("NOTIFIER_DATA_DIR", "/etc/passwd/data", "is not a folder."),
        ("NOTIFIER_DATA_DIR", "/proc/data", "cannot be made: No such file or directory."),
        ("NOTIFIER_DATA_DIR", "~nobodyhome/data", "names a home folder that does not exist."),
    ],
)
def test_a_bad_variable_is_named_with_its_value_and_a_remedy(tmp_path, name, value, remedy):
    with pytest.raises(BadVariable) as raised:
        environment(tmp_path, **{name: value})

    assert str(raised.value) == f'{name} "{value}" {remedy}'


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("DATABASE_URL", "mysql://a:secret@db/n", f'"mysql://…@db/n" {NOT_A_DATABASE}'),
        ("DATABASE_URL", "postgres://a:secret@db:x/n", f'"postgres://…@db:x/n" {NOT_A_DATABASE}'),
        ("GATEWAY_URL", "ftp://a:secret@gateway", f'"ftp://…@gateway" {NOT_HTTP}'),
        ("EMAIL_HOST", "smtp://a:secret@smtp", f'"smtp" {NOT_A_MAIL_SERVER}'),
        (
            "SITE_URL",
            "https://a:secret@sms.example.com",
            '"https://…@sms.example.com" may name a host and a port only: '
            "use, for example, https://notifier.example.com.",
        ),
        (
            "EMAIL_HOST_PASSWORD",
            "пароль",
            '"…" has characters that cannot be sent to a mail server.',
        ),
        ("GATEWAY_TOKEN", "secret\nb", '"…" has characters that a header cannot carry.'),
    ],
)
def test_a_complaint_never_tells_a_secret(tmp_path, name, value, complaint):
    with pytest.raises(BadVariable) as raised:
        environment(tmp_path, **{name: value})

    assert str(raised.value) == f"{name} {complaint}"


def test_a_data_folder_with_a_line_break_is_refused_on_one_line(tmp_path):
    with pytest.raises(BadVariable) as raised:
        environment(tmp_path / "a\nb")

    shown = ascii(str(tmp_path / "a\nb"))
    assert str(raised.value) == f'NOTIFIER_DATA_DIR "{shown}" has unprintable characters.'


@pytest.mark.parametrize(
    ("variables", "port"),
    [({}, 25), ({"EMAIL_USE_TLS": "1"}, 587), ({"EMAIL_USE_SSL": "1"}, 465)],
)
def test_the_mail_server_s_port_follows_from_how_it_is_spoken_to(tmp_path, variables, port):
    assert environment(tmp_path, **variables).email.port == port


def test_a_mail_server_is_spoken_to_in_one_way(tmp_path):
    with pytest.raises(BadVariable) as raised:
        environment(tmp_path, EMAIL_USE_TLS="1", EMAIL_USE_SSL="yes")

    remedy = "excludes EMAIL_USE_TLS: set the one that your mail server asks for."
    assert str(raised.value) == f'EMAIL_USE_SSL "yes" {remedy}'


def test_e_mails_are_from_the_site_s_own_host_and_links_lead_there(tmp_path):
    here = environment(tmp_path, PORT="8010")
    there = environment(tmp_path, SITE_URL="https://sms.example.com")

    assert here.effective_site_url == "http://127.0.0.1:8010"
    assert here.email_sender == "Notifier <notifier@localhost>"
    assert there.effective_site_url == "https://sms.example.com"
    assert there.email_sender == "Notifier <notifier@sms.example.com>"


@pytest.mark.parametrize(
    ("value", "time_zone"),
    [
        ("", "UTC"),
        (":Europe/Riga", "Europe/Riga"),
        (":/usr/share/zoneinfo/Asia/Omsk", "Asia/Omsk"),
        ("EST5EDT", "EST5EDT"),
    ],
)
def test_a_time_zone_may_be_written_as_systems_write_it(tmp_path, value, time_zone):
    assert environment(tmp_path, TZ=value).time_zone == time_zone


def test_the_sandbox_port_may_be_that_of_the_web_where_there_is_no_sandbox(tmp_path):
    found = environment(tmp_path, SANDBOX_PORT="8000", GATEWAY_URL="http://gateway")

    assert found.effective_gateway_url == "http://gateway"


def test_a_secret_key_is_made_once_and_kept_from_others(tmp_path):
    variables = {"NOTIFIER_DATA_DIR": str(tmp_path / "data")}

    first, second = read_environment(variables), read_environment(variables)

    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 50
    assert (tmp_path / "data" / "secret_key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data").stat().st_mode & 0o066 == 0


@pytest.mark.parametrize("command", ["check", "migrate", "up", "sandbox_gateway"])
def test_every_command_stops_with_one_line_on_a_bad_variable(tmp_path, command):
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "manage.py"), command],
        check=False,
        env={"NOTIFIER_DATA_DIR": str(tmp_path), "PORT": "http"},
        capture_output=True,
        text=True,
    )

    assert done.stderr == 'PORT "http" is not a port: use a whole number from 1 to 65535.\n'
    assert (done.returncode, done.stdout) == (2, "")
