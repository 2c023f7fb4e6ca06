"""Awkward text: what shops and shoppers really type, and what breaks encoders, signatures and column widths."""

ORDINARY = "ordinary"

TEXTS: dict[str, str] = {
    "percent": "100% Wolle, 5%0A off",
    "ampersand": "a&b=c;d+e /?#%5B0%5D",
    "accents": "Ünïcödé Straße ñandú",
    "letters of other scripts": "名前 Иван שלום",
    "right to left": "\u202eabc שלום\u202c عربي",
    "emoji": "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 party",
    "typographic quotes": "“Rosen\u2019s \u2013 \u2039best\u203a”",
    "plain quotes": 'O\'Hara "Ltd" <b>\\x</b>',
    "line breaks": "line\r\nX-Injected: 1\r\n\r\nbody",
    "a NUL": "a\x00b",
    "control characters": "\x01\x02\x1b[31m\x7f",
    "half a character": "lone \ud800 end",
    "brackets": "metadata[x][y]=z",
    "ten thousand characters": "Wörter & mehr " * 715,
    "spaces": "   ",
    "nothing": "",
    "a digit": "0",
}
