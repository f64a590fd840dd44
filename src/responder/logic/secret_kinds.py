"""What a secret looks like, kind by kind: the table that redaction works from.

Two sorts. SHAPES are recognised by themselves, wherever they stand (an access token with its issuer's prefix). FRAMES are
recognised by what stands before them, and only the second group goes. Keys like `password=` are in KEY_WORDS. Patterns are
RE2 over bytes. Each kind names where its shape is documented.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """A secret that is known by its own form."""

    kind: str
    pattern: str
    source: str
    mixed: bool = False
    """Only when it has upper case or a digit group as keys do, so that names of pods and hosts are left alone."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A secret that is known by its surroundings: group 1 stays, group 2 goes."""

    kind: str
    pattern: str
    source: str
    dense: bool = False
    """Only when the value looks random (16 characters or more with a digit or capitals), because the words before it
    are everyday ones."""


SHAPES = (
    Shape("aws-key", r"(?:AKIA|ASIA|AIDA|AROA|AGPA|ANPA)[A-Z2-7]{16}", "AWS IAM guide, unique identifiers"),
    Shape("gcp-key", r"AIza[0-9A-Za-z_-]{35}", "Google Cloud API keys"),
    Shape("gcp-token", r"ya29\.[0-9A-Za-z_-]{20,}", "Google OAuth 2.0 access tokens"),
    Shape("gcp-secret", r"GOCSPX-[0-9A-Za-z_-]{20,}", "Google OAuth client secrets"),
    Shape("azure-secret", r"[A-Za-z0-9_~.]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}", "Microsoft Entra client secrets"),
    Shape("huggingface-token", r"(?:hf|api_org)_[A-Za-z0-9]{30,}", "Hugging Face hub, user access tokens"),
    Shape("anthropic-key", r"sk-ant-[A-Za-z0-9_-]{20,}", "Anthropic API, authentication"),
    Shape(
        "openai-key", r"sk-(?:proj|svcacct|admin|or-v1|lf)-[A-Za-z0-9_-]{20,}", "OpenAI API keys; OpenRouter; Langfuse"
    ),
    Shape(
        "openai-key", r"sk-[A-Za-z0-9_-]{20,}", "OpenAI API keys of the first form; LiteLLM virtual keys", mixed=True
    ),
    Shape("groq-key", r"gsk_[A-Za-z0-9]{40,}", "Groq API keys"),
    Shape("xai-key", r"xai-[A-Za-z0-9]{40,}", "xAI API keys"),
    Shape("replicate-token", r"r8_[A-Za-z0-9]{30,}", "Replicate API tokens"),
    Shape("slack-token", r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}", "api.slack.com, token types"),
    Shape("slack-token", r"xapp-[0-9]-[A-Za-z0-9-]{10,}", "api.slack.com, app-level tokens"),
    Shape("github-token", r"gh[pousr]_[A-Za-z0-9]{30,}", "GitHub, token formats"),
    Shape("github-token", r"github_pat_[A-Za-z0-9_]{22,}", "GitHub, fine-grained personal access tokens"),
    Shape("gitlab-token", r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|oas|agent)-[A-Za-z0-9_-]{20,}", "GitLab, token overview"),
    Shape("ngc-key", r"nvapi-[A-Za-z0-9_-]{20,}", "NVIDIA NGC, API keys"),
    Shape("wandb-key", r"wandb_v[0-9]_[A-Za-z0-9_]{20,}", "Weights & Biases, API keys"),
    Shape("databricks-token", r"dapi[0-9a-f]{32}", "Databricks personal access tokens"),
    Shape("docker-token", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}", "Docker Hub access tokens"),
    Shape("npm-token", r"npm_[A-Za-z0-9]{36}", "npm access tokens"),
    Shape("pypi-token", r"pypi-AgE[A-Za-z0-9_-]{50,}", "PyPI API tokens"),
    Shape("stripe-key", r"[sr]k_(?:live|test)_[0-9A-Za-z]{10,}", "Stripe API keys"),
    Shape("grafana-token", r"gl(?:sa|c)_[A-Za-z0-9+/=_]{32,}", "Grafana service account and cloud tokens"),
    Shape("vault-token", r"hv[sbr]\.[A-Za-z0-9_-]{20,}", "HashiCorp Vault tokens"),
    Shape("jwt", r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,3}", "RFC 7519, RFC 7515 section 7.1"),
)

FRAMES = (
    Frame("url-password", r"""(://[^\s/:@"'<>\\]*:)([^\s/"'<>]+)@""", "RFC 3986 section 3.2.1"),
    Frame(
        "webhook-url",
        r"(hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/)([A-Za-z0-9/_-]+)",
        "api.slack.com, incoming webhooks",
    ),
    Frame(
        "webhook-url", r"(events(?:\.eu)?\.pagerduty\.com/(?:integration|x-ere)/)([A-Za-z0-9]+)", "PagerDuty Events API"
    ),
    Frame("webhook-url", r"(discord(?:app)?\.com/api/webhooks/[0-9]+/)([A-Za-z0-9_-]+)", "Discord webhooks"),
    Frame("webhook-url", r"(\.webhook\.office\.com/webhookb2/)([A-Za-z0-9@/_-]+)", "Microsoft Teams incoming webhooks"),
    Frame("signature", r"([?&]sig=)([A-Za-z0-9%+/=_-]{16,})", "Azure Storage shared access signatures"),
    Frame(
        "signature",
        r"((?i)[?&]x-(?:amz|goog)-(?:signature|credential|security-token)=)([A-Za-z0-9%+/=_.-]+)",
        "AWS Signature Version 4 query strings; Google Cloud Storage signed URLs",
    ),
    Frame(
        "bearer", r"((?i)\b(?:bearer|basic|geniekey)[ \t]+)([A-Za-z0-9+/=._~-]{8,})", "RFC 6750; RFC 7617", dense=True
    ),
    Frame("password", r"(login[ \t]+[^\s]+[ \t]+password[ \t]+)([^\s]+)", "netrc(5)"),
    Frame("password", r"((?i)identified[ \t]+by[ \t]+(?:password[ \t]+)?\\*['\"])([^'\"\\\n]+)", "SQL CREATE USER"),
    Frame("password", r"""(curl[^\n]{0,200}?[ \t](?:-u|--user)[ \t=]+["']?[^\s:"']+:)([^\s"']+)""", "curl(1)"),
    Frame("wandb-key", r"(wandb:?[ \t]+login[ \t]+(?:--[a-z]+[ \t]+)*)([0-9A-Za-z_]{20,})", "wandb login --help"),
)

# Words after which `=` or `:` brings a secret, wherever they end a name (db_password, DB-PASSWORD, --api-key).
SECRET_WORDS: dict[str, str] = {
    r"pass(?:word|wd|phrase|code)": "password",
    r"[_-]pass": "password",
    r"[_;-]pwd": "password",
    r"secret[_-]?(?:access[_-]?)?key": "key",
    r"secret": "secret",
    r"(?:api|account|shared[_-]?access|private|signing|encryption|auth|license|master|ssh)[_-]?key": "key",
    r"access[_-]?key": "key",
    r"(?:routing|service|integration)[_-]?key": "routing-key",
    r"token": "token",
    r"authorization": "authorization",
    r"cookie": "cookie",
    r"credentials?": "secret",
}

TEXT_TOKENS = frozenset(
    re.findall(
        r"[a-z]+",
        "eos bos pad unk sep cls mask stop start end begin special next first last new prompt per max min num total a "
        "image video audio draft current input output unexpected invalid the time each generated sampled eot eom",
    )
)
"""Words before `token` that speak of a language model's tokens, or a parser's."""

E_MAIL = r"[A-Za-z0-9][A-Za-z0-9._%+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}"
NO_MAIL_DOMAINS = (
    # systemd.unit(5): template instances are written name@instance.type
    b"service",
    b"socket",
    b"slice",
    b"scope",
    b"timer",
    b"mount",
    b"target",
    b"device",
    b"path",
    b"swap",
    # user@host inside a cluster: names no person to the outside
    b"local",
    b"localdomain",
    b"internal",
    b"lan",
    b"cluster",
    b"svc",
)
