"""Puts the sending job together from the house's settings."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from safehand.authority.cities.city import City
from safehand.authority.notices.rendering import Renderer
from safehand.authority.notices.sending import Notices
from safehand.authority.ports.notices import Encryption, Mailer, SmtpLogin, SmtpMailer, TextMessages
from safehand.house.runtime import House
from safehand.house.settings import Settings
from safehand.kernel.outcome import Language
from safehand.kernel.working_days import local_day

SCHEMES: Final[Mapping[str, tuple[Encryption, int]]] = {
    "smtps": ("tls", 465),
    "smtp+tls": ("starttls", 587),
    "smtp": ("offered", 25),
}
"""Scheme of the mail server's address -> how it is encrypted, and the usual port. Live mode refuses the last one."""
SENDER_DOMAIN_WITHOUT_NAME: Final = "authority.example"
"""Where the house's address is a number (a world on one machine), mail comes from a reserved name (RFC 2606)."""


def build_notices(
    *,
    house: House,
    cities: Mapping[int, City],
    code_secret: bytes,
    texts: TextMessages,
    mailer: Mailer | None,
) -> Notices:
    """The job, ready to be set going. `texts` is the SMS gateway; `mailer` none: no e-mail."""
    settings = house.settings

    def counter(city: int, office: str, language: Language) -> str:
        known = cities[city].on(local_day(house.clock.now())).counters
        one = next((one for one in known if one.code == office), None)
        if one is None:
            return office
        return f"{one.name_zh}，{one.address_zh}" if language == "zh" else f"{one.name_en}, {one.address_en}"

    return Notices(
        house=house,
        renderer=Renderer(address=public_address(settings), code_secret=code_secret, counter=counter),
        texts=texts,
        mailer=mailer,
    )


def public_address(settings: Settings) -> str:
    """Where people reach the house, without a slash at the end."""
    return settings.public_url.rstrip("/") or f"http://{settings.host}:{settings.port}"


def build_mailer(settings: Settings) -> SmtpMailer | None:
    """E-mail over SMTP; none where no mail server is named, and in a rehearsal unless it is asked for."""
    address = settings.services.get("smtp", "")
    if not address or (settings.mode == "rehearsal" and not settings.mail_in_rehearsal):
        return None
    parts = urlsplit(address)
    encryption, usual_port = SCHEMES.get(parts.scheme, SCHEMES["smtp"])
    user = settings.secrets.get("smtp_user", "")
    return SmtpMailer(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or usual_port,
        sender=settings.mail_sender or f"Safehand <no-reply@{_domain(settings)}>",
        encryption=encryption,
        login=SmtpLogin(user=user, password=settings.secrets.get("smtp_password", "")) if user else None,
    )


def _domain(settings: Settings) -> str:
    name = urlsplit(public_address(settings)).hostname or ""
    is_name = "." in name and any(letter.isalpha() for letter in name)
    return name if is_name else SENDER_DOMAIN_WITHOUT_NAME
