"""What people write around a number: sentences that say what it is, in their languages, and sentences that do not."""

from __future__ import annotations

__all__ = ["COUNTRIES", "OTHERS", "PLAIN", "SAID"]

PLAIN = (
    "Please use {} for this.",
    "We have {} on file for you.",
    "{}",
    "Thanks! {} is what I was given.",
    "- {}",
    "Bitte {} eintragen.",
    "Wir haben {} notiert, danke.",
    "Merci de noter {}.",
    "J'ai bien reçu {}, merci.",
    "Por favor anote {}.",
    "Tengo apuntado {} desde ayer.",
    "Si prega di usare {}.",
    "Gelieve {} te gebruiken.",
    "Proszę zapisać {}.",
    "Var god notera {}.",
    "Anote por favor: {}",
    '{{"value": "{}", "ok": true}}',
    "a;{};2024-05-01",
    "Name: Ana Sousa\n{}\nLisboa",
    "こちらは{}です。",
    "请记下 {}。",
    "Запишите {}, пожалуйста.",
)
"""Sentences that say nothing of what stands in them."""

SAID = {
    "credit_card": (
        "My card number is {}.", "Card: {}", "Kreditkarte {} gültig bis 12/27", "Numéro de carte bancaire : {}",
        "Tarjeta de crédito: {}", "Carta di credito {}", "Visa {} exp 04/28", '"card_number": "{}"', "Cartão {}",
        "please charge {} today",
    ),
    "email": (
        "Write to {}.", "E-Mail: {}", "Contact <{}> today", "mailto:{}", "Courriel : {}", "Correo: {}, gracias",
        '"email": "{}"', "({})", "メール：{}", "mail {}; phone later", "?to={}&cc=", "Schreib mir an {}!",
    ),
    "iban": (
        "IBAN: {}", "Bitte auf {} überweisen.", "Virement sur le compte {} demain", "Pay into {} by Friday.",
        "Cuenta {} a nombre de Ana", "bonifico su {}", '"iban":"{}"', "konto {}",
    ),
    "ip_address": (
        "Login from {} failed", "IP {}", "client={} port=443", "ping {}", "Die Adresse {} ist gesperrt.",
        "http://{}/status", "{} - - [12/May/2024:10:00:00 +0000] GET /", "connexion depuis {}", "servidor {}",
        "host {}:",
    ),
    "phone": (
        "Call me at {}.", "Phone: {}", "Tel. {}", "Tel.: {}", "Telefon: {}", "Mobil {}", "Téléphone : {}",
        "Mon portable est le {}.", "Teléfono: {}", "Llámame al {}", "Telefono {}", "Cellulare: {}", "Telefoon: {}",
        "Fax {}", "WhatsApp {}", "телефон: {}", "電話番号：{}", "Proszę dzwonić: telefon {}", "My mobile is {}, ok?",
        "Sie erreichen mich unter der Rufnummer {}.", '"phone": "{}"', "You can reach us on our hotline {}",
    ),
    "us_ssn": (
        "My SSN is {}.", "SSN: {}", "Social Security Number {}", "social security no. {}", '"ssn": "{}"',
        "her social is {}", "Applicant's SSN ({})",
    ),
}  # fmt: skip

COUNTRIES: dict[str, tuple[str, ...]] = {
    "ar.cuit": ("CUIT: {}", "Mi CUIL es {}."),
    "au.tfn": ("TFN: {}", "My tax file number (TFN) is {}"),
    "be.nn": ("Rijksregisternummer: {}", "Numéro de registre national : {}"),
    "bg.egn": ("ЕГН: {}", "ЕГН {}"),
    "br.cpf": ("CPF: {}", "Meu CPF é {}."),
    "ca.sin": ("SIN: {}", "My Social Insurance Number is {}."),
    "ch.ssn": ("AHV-Nummer {}", "Numéro AVS : {}"),
    "cl.rut": ("RUT: {}", "Mi RUT es {}"),
    "cn.ric": ("身份证号码：{}", "我的身份证号是{}。"),
    "cz.rc": ("Rodné číslo: {}", "rodné číslo {}"),
    "de.idnr": ("Steuer-ID: {}", "Meine Steueridentifikationsnummer lautet {}.", "IdNr. {}"),
    "dk.cpr": ("CPR-nummer: {}", "Mit CPR er {}"),
    "do.cedula": ("Cédula: {}", "Mi cédula es {}"),
    "ee.ik": ("Isikukood: {}", "Minu isikukood on {}."),
    "es.dni": ("DNI: {}", "Mi DNI es {}.", "con DNI {}"),
    "es.nie": ("NIE: {}", "Mi NIE es {}."),
    "fi.hetu": ("Henkilötunnus: {}", "HETU {}"),
    "fr.nir": ("Numéro de sécurité sociale : {}", "NIR {}"),
    "gb.nhs": ("NHS number: {}", "Her NHS no is {}."),
    "hr.oib": ("OIB: {}", "Moj OIB je {}."),
    "ie.pps": ("PPS number: {}", "PPSN {}"),
    "il.idnr": ("Teudat Zehut: {}", "תעודת זהות {}"),
    "in_.aadhaar": ("Aadhaar: {}", "My Aadhaar number is {}."),
    "in_.pan": ("PAN: {}", "My PAN card no. is {}"),
    "it.codicefiscale": ("Codice fiscale: {}", "C.F. {}"),
    "kr.rrn": ("주민등록번호: {}", "주민등록번호는 {} 입니다"),
    "lt.asmens": ("Asmens kodas: {}", "asmens kodas {}"),
    "mx.curp": ("CURP: {}", "Mi CURP es {}."),
    "my.nric": ("NRIC: {}", "MyKad {}"),
    "nl.bsn": ("BSN: {}", "Mijn burgerservicenummer is {}."),
    "no.fodselsnummer": ("Fødselsnummer: {}", "Mitt fødselsnummer er {}."),
    "nz.ird": ("IRD number {}", "IRD: {}"),
    "pk.cnic": ("CNIC: {}", "My CNIC is {}."),
    "pl.pesel": ("PESEL: {}", "Mój numer PESEL to {}."),
    "pt.nif": ("NIF: {}", "Número de contribuinte: {}"),
    "ro.cnp": ("CNP: {}", "CNP {}"),
    "ru.inn": ("ИНН: {}", "ИНН {}"),
    "se.personnummer": ("Personnummer: {}", "Mitt personnummer är {}."),
    "si.emso": ("EMŠO: {}", "EMŠO {}"),
    "th.pin": ("Thai ID: {}", "เลขประจำตัวประชาชน {}"),
    "tr.tckimlik": ("TC Kimlik No: {}", "T.C. kimlik numaram {}"),
    "ua.rntrc": ("РНОКПП: {}", "ІПН {}"),
    "us.itin": ("ITIN: {}", "My ITIN is {}."),
    "za.idnr": ("ID number: {}", "South African ID {}"),
}
"""National numbers by their module in python-stdnum, with how people announce them."""

OTHERS = (
    "Order number {}", "Your order {} has shipped.", "Invoice {}", "Bestellnummer: {}", "Rechnung Nr. {}", "Ref. {}",
    "Numéro de commande : {}", "Pedido {}", "Ticket {} was closed.", "Tracking number {}", "Serial no. {}", "SKU {}",
    "Ordine {} spedito", "Bestelling {}", "Zamówienie {}", "Artikel {}", "case number {}", "part no {}", "batch {}",
)  # fmt: skip
