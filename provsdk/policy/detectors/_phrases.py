"""What instructions to a model say, in the languages that they mostly come in; folded as `plain` folds.

Languages with spaces are told apart by the first letters of words, so that a text without any is done at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provsdk.policy.detectors._plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PHRASES", "TO_A_MODEL", "Phrase", "Phrases"]

_STEM: Final = 5
"""Letters by which words are looked up."""

_NO_LETTERS: Final = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum()})
_W: Final = r"[\w'-]{1,24}[\s,:]{1,6}"
"""Any word, with what stands behind it."""
_S: Final = r"[\s,:]{1,6}"

TO_A_MODEL: Final = re.compile(
    r"\b(?:ai|llms?|language model|assistant|chatbot|chatgpt|gpt-?\d?|claude|gemini|copilot|ki|ia|ии)\b"
    r"[^.!?]{0,80}\b(?:must|should|shall|please|always|never|instead|ignore|respond|reply|answer|say|output|include|"
    r"recommend|write|tell|approve|rate|summari[sz]e|muss|soll|antworte|doit|debe|deve|moet)\b"
    r"|\b(?:note|message|instructions?|attention|hinweis|anweisung)s? (?:to|for|fur|an) (?:the |any |all |die |das )?"
    r"(?:ai|llms?|language models?|assistants?|chatbots?|models?|agents?|ki)\b"
)
"""What speaks to a model where nobody is to see it."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A way to say something to a model."""

    kind: str
    stems: frozenset[str]
    """First letters of words, of which every text with the phrase has one; none for scripts without spaces."""
    also: frozenset[str]
    """The same once more, where those are common; none where they are not."""
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Phrases:
    """All of them."""

    spaced: tuple[Phrase, ...]
    unspaced: tuple[Phrase, ...]
    stems: frozenset[str]

    def within(self, text: str) -> Iterator[Phrase]:
        """Those that a folded text can have."""
        words = set(text.translate(_NO_LETTERS).split() if text.isascii() else _WORDS.findall(text))
        found = self.stems.intersection([word[:_STEM] for word in words])
        for phrase in self.spaced if found else ():
            if not found.isdisjoint(phrase.stems) and not (phrase.also and found.isdisjoint(phrase.also)):
                yield phrase
        if not text.isascii() and _HAN.search(text):
            yield from self.unspaced


_WORDS: Final = re.compile(r"\w+")
_HAN: Final = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")


def _spaced(kind: str, stems: str, pattern: str, also: str = "") -> Phrase:
    """Pattern with spaces for what parts words and `_` for a few words of any kind."""
    whole = plain(pattern).replace("~", f"(?:{_W}){{0,5}}?").replace(" ", _S)
    return Phrase(kind, frozenset(stems.split()), frozenset(also.split()), re.compile(rf"(?<!\w)(?:{whole})(?!\w)"))


def _unspaced(kind: str, pattern: str) -> Phrase:
    return Phrase(kind, frozenset(), frozenset(), re.compile(plain(pattern).replace("~", r"[^.!?\u3002\n]{0,12}?")))


_ROLES: Final = (
    "ai|a\\.i\\.|llm|assistant|model|chatbot|bot|agent|hacker|pirate|persona|character|terminal|interpreter|"
    "simulator|"
    "expert|developer mode|god mode|admin mode|dan|jailbroken|unrestricted|unfiltered|uncensored|evil|gpt|free from"
)
_TAKES_ON: Final = rf"(?:[\w'-]{{1,24}}[\s,:]{{1,6}}){{0,4}}?(?:[\w-]*(?:bot|gpt)|{_ROLES})"

_ENGLISH: Final = (
    _spaced(
        "instruction_override",
        "ignor disre forge overr bypas",
        "(?:ignore|disregard|forget|override|bypass)(?:ing)? (?:~(?:previous|prior|above|earlier|preceding|foregoing|"
        "initial|original|existing|past|system|your|all) (?:\\w{1,24} ){0,2}?(?:instructions?|prompts?|"
        "directives?|rules|"
        "guidelines|commands?|orders|programming|training|safeguards?)|"
        "(?:everything|all|anything|whatever|what)? ?~(?:the above|above this|said above|before this|previously|"
        "you (?:were|have been) told|you know|so far))|(?:ignore|disregard|forget) the above",
    ),
    _spaced(
        "instruction_override",
        "instr task objec goal",
        "(?:your|the) (?:new|real|true|actual|only) (?:instructions?|task|objective|goal|mission)s? (?:is|are)|"
        "new instructions:",
    ),
    _spaced(
        "instruction_override",
        "if",
        "if you(?:'re| are) an? ~(?:ai|llm|language model|assistant|chatbot)",
        "ai llm langu assis chatb",
    ),
    _spaced(
        "role_change",
        "now",
        f"(?:you are now|from now on you (?:are|will be|act as)) {_TAKES_ON}|from now on you (?:must|will|"
        f"shall) (?:only |always "
        "|never )?(?:answer|respond|reply|obey|ignore|speak|output|act|say)|you are now in \\w{1,24} mode",
    ),
    _spaced("role_change", "prete act", f"(?:pretend (?:to be|you are|that you are)|act as) {_TAKES_ON}"),
    _spaced(
        "prompt_disclosure",
        "promp instr messa",
        "(?:reveal|show|print|repeat|output|display|leak|send|tell|give|dump|disclose|copy|write|quote|include|"
        "what (?:is|are)"
        "|share) ~(?:(?:system|hidden|secret|initial|developer) (?:prompts?|instructions?|message)|"
        "your (?:\\w{1,24} ){0,2}?"
        "(?:prompts?|instructions?))",
    ),
    _spaced("prompt_disclosure", "promp", "(?:new|updated|override|end of|begin) system prompt|system prompt override"),
    _spaced(
        "concealment",
        "user users human opera anyon",
        "(?:do not|don't|dont|never|without|must not|avoid) (?:tell|inform|mention|reveal|alert|notify|warn|"
        "disclose|say)"
        "(?:ing)? ~(?:user|users|human|humans|operator|anyone)",
        "tell telli infor menti revea alert notif warn warni discl say sayin",
    ),
)

_LATIN: Final = (
    _spaced(
        "instruction_override",
        "ignor missa vergi verge verwi",
        "(?:ignorier\\w*|missacht\\w*|vergiss|vergessen|verwirf) ~(?:vorherig|vorangegangen|vorangehend|"
        "bisherig|obig|früher|"
        "vorig|vorstehend|bestehend|alle|deine|ihre)\\w* (?:\\w{1,24} ){0,2}?\\w{0,16}(?:anweisung|instruktion|"
        "befehl|vorgabe|"
        "regel|prompt|anordnung|aufforderung)\\w*|ignorier\\w* ~(?:das obige|alles (?:obige|bisherige|vorherige|"
        "oben))",
    ),
    _spaced(
        "instruction_override",
        "ignor oubli negli abstr compt",
        "(?:ignore[rzs]?|oublie[rzs]?|négligez?|faites abstraction|fais abstraction|ne (?:tiens|tenez) (?:pas|"
        "plus) compte) "
        "~(?:(?:instructions?|consignes?|directives?|ordres?|règles|messages?) ~(?:précédent|antérieur|initial|"
        "ci-dessus|"
        "au-dessus|plus haut|reçues)\\w*|(?:précédent|antérieur)e?s? (?:instructions?|consignes?|directives?|"
        "ordres?|règles))",
    ),
    _spaced(
        "instruction_override",
        "ignor olvid desca omite omita caso esque desco descon dimen trasc consi",
        "(?:ignor|olvid|descart|omit|esque[cç]|desconsider|dimentic|trascur|non considerare|haz caso omiso|"
        "haga caso omiso)\\w* "
        "~(?:(?:instruc|istruzion|orden|ordin|indicac|indicazion|regl|regr|regol|mensaj|mensagen|messagg|"
        "directri|diretri|"
        "direttiv|comando|comandi|orientac)\\w* ~(?:anterior|previ|precedent|de arriba|acima|di cui sopra|sopra|"
        "iniciais|"
        "iniciales|recebidas|recibidas)\\w*|(?:anterior|previ|precedent)\\w* (?:instruc|istruzion|orden|indicac|"
        "regl|regr|regol)"
        "\\w*)",
    ),
    _spaced(
        "instruction_override",
        "negee verge",
        "(?:negeer|vergeet) ~(?:vorige|eerdere|voorgaande|bovenstaande|bestaande|"
        "alle) (?:\\w{1,24} ){0,2}?(?:instructie|opdracht|"
        "aanwijzing|regel|prompt|bericht)\\w*",
    ),
    _spaced(
        "role_change",
        "jetzt nun ab maint desor ahora agora parti adess ora nu",
        "(?:du bist (?:jetzt|nun|ab jetzt|ab sofort)|(?:ab jetzt|ab sofort|jetzt) bist du|tu es (?:maintenant|"
        "désormais)|vous êtes "
        "(?:maintenant|désormais)|ahora eres|a partir de ahora eres|agora (?:você é|tu és|és)|"
        "a partir de agora (?:você é|és)|"
        "(?:ora|adesso) sei|je bent nu|vanaf nu ben je) (?:\\w{1,24} ){0,4}?(?:ki|ia|ai|[\\w-]*(?:bot|gpt)|"
        "\\w{0,16}assisten\\w*|"
        "assistant\\w*|asistente|\\w*model\\w*|dan|pirat\\w*|hacker\\w*|agent\\w*|terminal\\w*|"
        "sin restricciones|sem restrições|"
        "ohne einschränkungen|sans restrictions?|senza restrizioni|zonder beperkingen)",
    ),
    _spaced(
        "concealment",
        "nutze benut anwen gebru utili usuar utent",
        "(?:sag|sage|sagen|verrate|verraten|erzähl|erzähle|teile|informiere|erwähne) ~(?:nutzer|benutzer|"
        "anwender)(?:in|n|s)? "
        "~(?:nicht|nichts)|(?:sag|verrate|erwähne|informiere)\\w* ~(?:nicht|nichts) ~(?:nutzer|benutzer|"
        "anwender)\\w*|"
        "ne (?:le |la |les |lui )?(?:dis|dites|mentionne|mentionnez|révèle|révélez|informe|informez|préviens|"
        "prévenez)\\w* "
        "~(?:l')?utilisateur\\w*|no (?:(?:se|le|lo|les) ){0,2}(?:digas?|cuentes?|menciones?|reveles?|informes?|"
        "avises?) ~usuari[oa]s?|"
        "não (?:conte|diga|informe|mencione|revele|avise|fale) ~(?:usuári[oa]s?|utilizador\\w*)|non (?:dire|"
        "dirlo|rivelare|"
        "menzionare|informare|avvisare) ~(?:all'|l')?utent[ei]|(?:vertel|zeg|meld|noem|"
        "informeer) ~gebruikers? ~(?:niet|niets)",
    ),
    _spaced(
        "prompt_disclosure",
        "syste siste promp",
        "(?:zeig|zeige|verrate|nenne|wiederhole|gib|drucke) ~(?:system-?prompts?|systemanweisung\\w*|"
        "systemnachricht)|"
        "(?:affiche|montre|révèle|répète|donne)(?:r|z)? ~(?:(?:prompt|invite|message|"
        "instructions?) (?:du )?système|system prompt)|"
        "(?:muestr|revel|repit|imprim|mostr|exib|repet|mostra|rivela|ripeti|stampa)\\w* ~(?:(?:prompt|mensaje|"
        "mensagem|messaggio|"
        "instrucciones|instruções|istruzioni) (?:del|do|de|di) siste?ma|system prompt)|(?:toon|onthul|herhaal|geef) "
        "~(?:systeem-?prompt|systeeminstructies?|system prompt)",
    ),
)

_RUSSIAN: Final = (
    _spaced(
        "instruction_override",
        "игнор проиг забуд отбро внима",
        "(?:игнорир\\w*|проигнорир\\w*|забудь\\w*|отбрось\\w*|не обращай\\w* внимания на) ~(?:предыдущ|прежн|"
        "вышеуказан|"
        "вышеизложен|предшеств|прошл|все)\\w* (?:\\w{1,24} ){0,2}?(?:инструкц|указани|команд|правил|сообщени|"
        "промпт)\\w*",
    ),
    _spaced(
        "role_change",
        "тепер отнын",
        "(?:ты|вы) (?:теперь|отныне) (?:\\w{1,24} ){0,3}?(?:\\w*бот|ии|\\w*ассистент|модель|помощник|dan|хакер|"
        "пират)|"
        "теперь (?:ты|вы) (?:\\w{1,24} ){0,3}?(?:\\w*бот|ии|ассистент|модель|помощник|dan|хакер|пират)",
    ),
    _spaced(
        "concealment",
        "польз",
        "не (?:говори|сообщай|рассказывай|упоминай|показывай|раскрывай)\\w* ~пользовател\\w*",
    ),
    _spaced(
        "prompt_disclosure",
        "систе",
        "(?:покажи|выведи|раскрой|повтори|напечатай)\\w* ~системн\\w+ (?:промпт|инструкц|запрос|сообщени)\\w*",
    ),
)

_EAST_ASIAN: Final = (
    _unspaced(
        "instruction_override",
        "(?:忽略|无视|無視|忘记|忘記|不要理会|忽視|忽视)~(?:之前|以上|先前|前面|上述|上面|此前|原有|所有|一切)~"
        "(?:指令|指示|说明|說明|提示|命令|规则|規則|要求|设定|設定)",
    ),
    _unspaced("role_change", "(?:你现在是|你現在是|从现在起你是|从现在开始你是|從現在開始你是|从现在起,?你将)"),
    _unspaced("concealment", "不要(?:告诉|告訴|让|讓|通知|向|提醒)~(?:用户|用戶|使用者)"),
    _unspaced(
        "prompt_disclosure",
        "(?:输出|輸出|显示|顯示|透露|告诉我|告訴我|打印|重复|重複|泄露)~(?:系统提示|系統提示|系统指令|系統指令)",
    ),
    _unspaced(
        "instruction_override",
        "(?:以前|これまで|上記|今まで|前述|すべて|全て|先ほど|前)の?~(?:指示|命令|プロンプト|指令|ルール|設定)"
        "~(?:無視|忘れ|破棄)",
    ),
    _unspaced("role_change", "(?:あなたは今から|今からあなたは|これからあなたは|あなたは今や)"),
    _unspaced(
        "concealment",
        "ユーザー(?:に|には|へ)~(?:言わない|伝えない|教えない|知らせない|話さない|言うな|伝えるな|明かさない)",
    ),
    _unspaced(
        "prompt_disclosure",
        "システム(?:プロンプト|メッセージ|指示)(?:を|の)~(?:表示|出力|教え|公開|見せ|開示|繰り返)",
    ),
)

_SPACED: Final = (*_ENGLISH, *_LATIN, *_RUSSIAN)
PHRASES: Final = Phrases(_SPACED, _EAST_ASIAN, frozenset().union(*(phrase.stems | phrase.also for phrase in _SPACED)))
