"""Names of coins and of an account that look like HTML or code."""

#: What coins of the tape are called here.
COINS = {
    "BTC": "<img src=x onerror=alert(1)>",
    "ETH": "</script><script>alert(2)</script>",
    "SOL": '<a href="https://evil.example/">{{ 7 * 7 }}</a>',
    "HYPE": "__proto__",
    "DOGE": "%{x} & \"'\u202efdp.exe",
}
TRADER = "0x\"><b onmouseover='alert(3)'>&amp;"
