"""Words beside a number that say what it is: labels of forms, in the languages of those who write them."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = ["ANY_ID", "NO_LABEL", "OTHER", "PHONE", "Label", "label_of"]

ANY_ID: Final = "any"
OTHER: Final = "other"
"""It is none of ours: an order, a version, a part."""
PHONE: Final = "phone"

_WORDS: Final = {
    OTHER: "order orders invoice ref reference version ver build ticket tracking sku isbn issn ean gtin upc asin imei "
    "serial article item part commit hash rev revision release firmware section chapter clause lot batch case uuid "
    "guid timestamp epoch parcel shipment transaction booking confirmation receipt contract meter model "
    "bestellung bestellnummer rechnung rechnungsnummer auftrag auftragsnummer artikel artikelnummer sendung "
    "sendungsnummer vorgang aktenzeichen seriennummer kapitel abschnitt "
    "commande facture colis dossier série livraison pedido factura fatura encomenda envío albarán expediente "
    "ordine fattura spedizione pratica bestelling bestelnummer ordernummer factuur factuurnummer pakket "
    "zamówienie zamówienia faktura fakturanummer tilaus lasku beställning bestilling sipariş заказ счёт",
    PHONE: "phone phones telephone tel telf tlf tfno mobile cell cellphone mob call calling ring dial fax whatsapp sms "
    "hotline telefon telefonnummer telefono teléfono telefone telefoon téléphone téléphoner handy handynummer "
    "rufnummer anrufen rückruf erreichbar mobil mobilnummer portable appelez appeler móvil movil celular llame llama "
    "llámame ligue telemóvel cellulare chiamare chiamate chiama mobiel bellen komórka komórkowy zadzwoń dzwonić "
    "puhelin puhelinnumero soita matkapuhelin mobilnr telefonnr ring ringe telefonszám telefón mobilní "
    "ara arayın gsm cep τηλέφωνο телефон тел звоните мобильный",
    "card": "card cards PAN creditcard visa mastercard amex maestro kreditkarte kreditkartennummer karte kartennummer "
    "carte tarjeta cartão carta kaart kortti kort karta kartı",
    "iban": "iban account konto kontonummer compte cuenta conto conta rekening rekeningnummer hesap",
    ANY_ID: "national tax identity identification personal citizen taxpayer tin nationalid identité identidad "
    "identidade identità identiteit nacional personalausweis ausweis tożsamości",
    "us": "ssn social ssns itin",
    "de": "idnr steuer steuerid steueridentifikationsnummer identifikationsnummer idnummer steuernummer tin",
    "at": "svnr sozialversicherungsnummer versicherungsnummer sv",
    "ch": "ahv ahvn avs sozialversicherungsnummer",
    "es": "dni nie nif documento",
    "fr": "nir insee vitale sécu sociale nif fiscal",
    "it": "codice fiscale cf",
    "nl": "bsn burgerservicenummer sofinummer",
    "be": "rijksregisternummer insz niss nn rrn registre rijksregister",
    "pt": "nif contribuinte cc cidadão",
    "pl": "pesel peselu",
    "se": "personnummer personnr",
    "fi": "hetu henkilötunnus henkilötunnukseni",
    "dk": "cpr",
    "no": "fødselsnummer fodselsnummer personnummer fnr",
    "is": "kennitala kennitalan",
    "gb": "nino insurance utr NI",
    "nhs": "nhs",
    "ie": "pps ppsn",
    "br": "cpf",
    "in": "aadhaar aadhar uid PAN आधार",
    "kr": "rrn",
    "za": "idno",
    "tr": "kimlik TC TCKN tckn",
    "ca": "SIN NAS insurance sociale",
    "au": "tfn medicare",
    "nz": "ird",
    "mx": "curp rfc",
    "ar": "cuit cuil",
    "cl": "rut RUN",
    "co": "nit cédula cedula",
    "do": "cédula cedula",
    "ec": "cédula cedula ci",
    "cu": "identidad",
    "cr": "cédula cedula",
    "pe": "dni cui",
    "ve": "rif",
    "cz": "rodné rč RČ",
    "sk": "rodné rč RČ",
    "ro": "cnp",
    "bg": "егн egn",
    "hr": "oib OIB",
    "rs": "jmbg",
    "si": "emšo emso",
    "ee": "isikukood isikukoodi",
    "lt": "asmens kodas",
    "gr": "αμκα amka",
    "il": "teudat zehut",
    "id": "nik ktp",
    "my": "nric mykad",
    "pk": "cnic",
    "th": "thai",
    "ua": "рнокпп іпн ипн",
    "ru": "инн inn",
}
"""Labels, with their words; a word in capitals is another one in small letters, so only the capitals are it."""

_UNSPACED: Final = {
    "電話": PHONE,
    "电话": PHONE,
    "手机": PHONE,
    "携帯": PHONE,
    "전화": PHONE,
    "휴대폰": PHONE,
    "โทร": PHONE,
    "هاتف": PHONE,
    "טלפון": PHONE,
    "身份证": "cn",
    "주민": "kr",
    "เลขประจำตัว": "th",
    "זהות": "il",
    "卡号": "card",
    "订单": OTHER,
    "注文": OTHER,
    "주문": OTHER,
}
"""Of scripts that join a word to the next, or an ending to it."""


def _by_word() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for label, words in _WORDS.items():
        for word in words.split():
            found[word] = found.get(word, frozenset()) | {label}
    return found


_LABELS: Final = _by_word()
_VAGUE: Final = frozenset(("card", ANY_ID))
"""A card, or a number of a state: of which kind, the word before may say."""
_WORD: Final = re.compile(r"[^\W_]+")
_BEFORE: Final = 64
"""Characters in which a label is looked for; it stands before its number, or shortly after it."""
_AFTER: Final = 28
MAX_WORDS: Final = 7
NEAR: Final = 2
_FAR: Final = 99


class Label(NamedTuple):
    """What the nearest word with a meaning says."""

    names: frozenset[str] = frozenset()
    distance: int = _FAR
    """In words before the number; a word after it counts as far."""

    @property
    def is_near(self) -> bool:
        """Whether it is so near that it speaks of the number and nothing else."""
        return self.distance <= NEAR


NO_LABEL: Final = Label()


def label_of(text: str, start: int, end: int) -> Label:
    """What the nearest label says of what stands from `start` to `end`.

    >>> label_of("her SSN is 536-90-4399", 11, 22).names, label_of("invoice 536-90-4399", 8, 19).names
    (frozenset({'us'}), frozenset({'other'}))
    """
    before = text[max(0, start - _BEFORE) : start]
    return _last(before) or _first(text[end : end + _AFTER]) or NO_LABEL


def _labels(word: str) -> frozenset[str] | None:
    return _LABELS.get(word) or _LABELS.get(word.casefold())


def _last(before: str) -> Label | None:
    words = _WORD.findall(before.replace(".", ""))[: -MAX_WORDS - 1 : -1]
    for distance, word in enumerate(words):
        names = _labels(word)
        if names and names <= _VAGUE and distance + 1 < len(words):
            names = _labels(words[distance + 1]) or names
        if names:
            return Label(names, distance)
    if before.isascii():
        return None
    place, joined = max((before.rfind(word), word) for word in _UNSPACED)
    return Label(frozenset((_UNSPACED[joined],)), 0) if place >= 0 else None


def _first(after: str) -> Label | None:
    for word in _WORD.findall(after)[:MAX_WORDS]:
        names = _labels(word)
        if names and OTHER not in names:
            return Label(names)
    return None
