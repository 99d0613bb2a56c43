"""The shapes of keys: how they begin, or what is before them.

Facts from the providers' own documents. Two maintained rule sets were measured against this table: detect-secrets 1.5
misses 59 of the 83 shapes in `tests/secret_lists.py`, gitleaks' rules 41, and both take a hundred times as long.
"""

from __future__ import annotations

from typing import NamedTuple

_W, _A, _H = "[A-Za-z0-9_-]", "[A-Za-z0-9]", "[0-9a-f]"
_END = "(?![A-Za-z0-9])"
_GITLAB = "ptoken glpat gldt glrt glrtr glptt glft glsoat glimt glagent glcbt glffct gloas glwt"


class Token(NamedTuple):
    """A key that begins with `begin`, with no letter, digit, `_` or `-` before it. `rest` is a pattern.

    `is_random`: the rest has to look random, since words can begin so too.
    """

    kind: str
    begin: str
    rest: str
    is_random: bool = True


class Named(NamedTuple):
    """A key that has to have something around it.

    One of `hints` is in every match, in lower case; `is_word`: in a word of at least 15 characters.
    """

    kind: str
    hints: tuple[str, ...]
    pattern: str
    is_word: bool = False


TOKENS = (
    Token("an Anthropic key", "sk-ant-", rf"{_W}{{16,}}"),
    Token("an OpenAI key", "sk-", rf"(?!ant-){_W}{{20,}}"),
    Token("a Google API key", "AIza", rf"{_W}{{35}}"),
    Token("a Google access token", "ya29.", rf"{_W}{{20,}}"),
    Token("a Google client secret", "GOCSPX-", rf"{_W}{{20,}}"),
    Token("an AWS access key", "AKIA", rf"[0-9A-Z]{{16}}{_END}", is_random=False),
    Token("a temporary AWS access key", "ASIA", rf"[0-9A-Z]{{16}}{_END}", is_random=False),
    Token("an Amazon Bedrock key", "ABSK", rf"{_A}{{60,}}"),
    Token("a GitHub token", "gh", r"[pousr]_[A-Za-z0-9]{30,}"),
    Token("a fine-grained GitHub token", "github_pat_", r"\w{22,}"),
    *(Token("a GitLab token", f"{begin}-", r"[\w.-]{20,}") for begin in _GITLAB.split()),
    Token("a GitLab runner token", "GR1348941", rf"{_W}{{20,}}"),
    Token("a Slack token", "xox", r"[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}"),
    Token("a Slack app token", "xapp-", r"\d-[A-Za-z0-9-]{10,}"),
    Token("a Stripe key", "sk_", r"(?:live|test|prod)_[A-Za-z0-9]{16,}"),
    Token("a restricted Stripe key", "rk_", r"(?:live|test|prod)_[A-Za-z0-9]{16,}"),
    Token("a Stripe webhook secret", "whsec_", r"[A-Za-z0-9+/]{24,}"),
    Token("a Twilio key", "SK", rf"{_H}{{32}}{_END}"),
    Token("a Hugging Face token", "hf_", rf"{_A}{{30,}}"),
    Token("a Hugging Face token", "api_org_", rf"{_A}{{30,}}"),
    Token("a Groq key", "gsk_", rf"{_A}{{40,}}"),
    Token("an xAI key", "xai-", rf"{_A}{{60,}}"),
    Token("a Perplexity key", "pplx-", rf"{_A}{{40,}}"),
    Token("a Replicate token", "r8_", rf"{_A}{{36,}}"),
    Token("an NVIDIA key", "nvapi-", rf"{_W}{{40,}}"),
    Token("a Cerebras key", "csk-", rf"{_A}{{40,}}"),
    Token("a Together key", "tgp_v1_", rf"{_W}{{40,}}"),
    Token("a Pinecone key", "pcsk_", rf"{_A}{{4,}}_{_A}{{40,}}"),
    Token("a Tavily key", "tvly-", rf"{_W}{{20,}}"),
    Token("a LangSmith key", "lsv2_", r"(?:pt|sk)_[a-f0-9]{32}"),
    Token("a SendGrid key", "SG.", rf"{_W}{{20,}}\.{_W}{{20,}}"),
    Token("a Brevo key", "xkeysib-", rf"{_H}{{64}}"),
    Token("a Mailgun key", "key-", rf"{_H}{{32}}{_END}"),
    Token("an npm token", "npm_", rf"{_A}{{36}}"),
    Token("a PyPI token", "pypi-", rf"AgE{_W}{{50,}}"),
    Token("a RubyGems key", "rubygems_", rf"{_H}{{48}}"),
    Token("a Docker Hub token", "dckr_", rf"(?:pat|oat)_{_W}{{24,}}"),
    Token("a Databricks token", "dapi", rf"{_H}{{32}}"),
    Token("a DigitalOcean token", "do", rf"[opr]_v1_{_H}{{64}}"),
    Token("a Notion token", "ntn_", rf"{_A}{{40,}}"),
    Token("a Linear key", "lin_", rf"(?:api|oauth)_{_A}{{32,}}"),
    Token("a Shopify token", "shp", r"(?:at|ca|pa|ss|rt)_[a-fA-F0-9]{32}"),
    Token("a Square token", "sq0", rf"[a-z]{{3}}-{_W}{{22,}}"),
    Token("a Vault token", "hv", rf"[sbr]\.{_W}{{24,}}"),
    Token("a Grafana token", "gl", r"(?:sa|c)_[A-Za-z0-9+/=_]{32,}"),
    Token("a Sentry token", "sntry", r"[su]_[A-Za-z0-9+/=_-]{40,}"),
    Token("a Doppler token", "dp.", rf"[a-z]{{2,5}}\.(?:{_W}{{2,20}}\.)?{_A}{{40,}}"),
    Token("a Postman key", "PMAK-", rf"{_H}{{24}}-{_H}{{34}}"),
    Token("a New Relic key", "NRAK-", r"[A-Z0-9]{27}"),
    Token("a Supabase key", "sb", rf"(?:p|_secret)_{_W}{{20,}}"),
    Token("a Figma token", "figd_", rf"{_W}{{40,}}"),
    Token("an Atlassian token", "AT", rf"(?:ATT3|CTT3|BB){_W}{{24,}}"),
    Token("a Fly.io token", "fo1_", rf"{_W}{{43}}"),
    Token("a Heroku key", "HRKU-", rf"{_W}{{36,}}"),
    Token("a Netlify token", "nfp_", rf"{_A}{{36,}}"),
    Token("a Pulumi token", "pul-", rf"{_H}{{40}}"),
    Token("a 1Password token", "ops_eyJ", rf"{_A}{{100,}}"),
    Token("a SonarQube token", "sq", rf"[pua]_{_H}{{40}}"),
    Token("a Sourcegraph token", "sgp_", r"[\w]{40,}"),
    Token("an OpenShift token", "sha256~", rf"{_W}{{43}}"),
    Token("a PlanetScale token", "pscale_", r"(?:tkn|oauth|pw)_[\w.=-]{32,}"),
    Token("a Dynatrace token", "dt0", rf"[a-z]\d\d\.{_A}{{24}}\.{_A}{{64}}"),
    Token("a Flutterwave key", "FLWSECK", r"(?:_TEST)?-[a-f0-9]{12,}"),
    Token("an Alibaba key", "LTAI", rf"{_A}{{17,26}}{_END}"),
    Token("a Tencent key", "AKID", rf"{_A}{{32}}{_END}"),
    Token("an age key", "AGE-SECRET-KEY-1", "[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}", is_random=False),
    Token("a JSON Web Token", "eyJ", rf"{_W}{{10,}}\.eyJ{_W}{{10,}}\.{_W}{{10,}}"),
)
NAMED = (
    Named(
        "an AWS secret key",
        ("secret",),
        r"(?i)secret[-_ ]?(?:access[-_ ]?)?key\W{1,8}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])",
    ),
    Named(
        "a request signature",
        ("signature=",),
        r"(?i)(?:X-Amz-|(?:SignedHeaders|Credential)=[^\s,]{1,256},\s?)Signature=[0-9a-f]{64}",
    ),
    Named(
        "an Azure key",
        ("key",),
        r"(?i)(?:(?:api|subscription|azure\w{0,32})[-_ ]?key\W{1,8}[0-9a-f]{32}|access[-_ ]?key\W{1,8}[A-Za-z0-9]{84})"
        r"(?![A-Za-z0-9])",
    ),
    Named("an Azure key", ("jqqj99",), rf"(?<!{_A}){_A}{{52}}JQQJ99{_A}{{26}}{_END}", is_word=True),
    Named("an Azure DevOps token", ("azdo",), rf"(?<!{_A}){_A}{{76}}AZDO{_A}{{4}}{_END}", is_word=True),
    Named("an Azure client secret", ("q~",), rf"(?<!{_A})[\w.~-]{{3}}\dQ~[\w.~-]{{31,34}}(?![\w~-])", is_word=True),
    Named("an Azure account key", ("key=",), r"\b(?:Account|Access|SharedAccess)Key=[A-Za-z0-9+/]{40,}", is_word=True),
    Named("an Azure SAS signature", ("sig=",), r"(?i)[?&;]sig=[A-Za-z0-9+/%]{40,}", is_word=True),
    Named(
        "a Twilio token",
        ("auth_token", "auth-token", "auth token", "authtoken"),
        r"(?i)auth[-_ ]?token\W{1,8}[0-9a-f]{32}(?![A-Za-z0-9])",
    ),
    Named("a Telegram token", (":aa",), rf"(?<!{_W})\d{{8,10}}:AA{_W}{{33}}(?!{_W})", is_word=True),
    Named(
        "a Slack webhook",
        ("hooks.slack.com",),
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Z]\w{6,}/\w{6,}/\w{16,}",
        is_word=True,
    ),
    Named(
        "a Discord webhook",
        ("/webhooks/",),
        rf"discord(?:app)?\.com/api/webhooks/\d{{17,20}}/{_W}{{60,}}",
        is_word=True,
    ),
    Named("a Mailchimp key", ("-us",), rf"(?<!{_A}){_H}{{32}}-us\d{{1,2}}{_END}", is_word=True),
    Named("an Airtable token", ("pat",), rf"(?<!{_A})pat{_A}{{14}}\.{_H}{{64}}", is_word=True),
    Named("a Terraform token", (".atlasv1.",), rf"(?<!{_A}){_A}{{14}}\.atlasv1\.{_W}{{60,}}", is_word=True),
    Named(
        "a private key",
        ("private",),
        r"-----BEGIN\s+(?:[A-Z0-9]+\s+)*PRIVATE\s+KEY(?:\s+BLOCK)?-----(?:[^-]{1,10000}-----END[A-Z0-9\s]+-----)?",
    ),
    Named("a bearer token", ("bearer",), r"(?i)\bbearer\s+(?=\S*\d)[A-Za-z0-9._~+/-]{20,}"),
    Named("a user and password", ("basic",), r"(?i)\bbasic\s+[A-Za-z0-9+/_-]{8,}"),
    Named("a password in a URL", ("://",), r"://[^\s/:@\"'<>]*:[^\s/:@\"'<>]{3,}@[\w.-]", is_word=True),
)
# What a name of these words is given, where it looks random. It is looked for where a long word does, see `shapes_in`.
ASSIGNED = (
    r"(?i:(?:api|auth|access|secret|client|private|bot|app|account)[-_ ]?(?:key|token|secret))"
    r"[\"']?\s{0,3}[:=]\s{0,3}[\"']?"
    r"(?=[\w+/=.~-]{0,63}[a-z])(?=[\w+/=.~-]{0,63}[A-Z])(?=[\w+/=.~-]{0,63}\d)[\w+/=.~-]{24,256}"
)
