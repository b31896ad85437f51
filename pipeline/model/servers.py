"""The services that models are asked at, through their own SDKs. The keys stay in here."""

import contextlib
import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import httpx2
from pydantic import SecretStr

from pipeline.errors import ModelUnavailable
from pipeline.model.chat import Chat
from pipeline.model.loose import count
from pipeline.model.messages import Messages
from pipeline.model.prices import window_of
from pipeline.model.protocol import Endless, Format, NoAnswer, Rejection, Server, Unreachable
from pipeline.model.responses import Responses

OPENAI = "https://api.openai.com/v1"
ANTHROPIC = "https://api.anthropic.com"
_PROBE = 10.0
"""Seconds to say which protocol a server understands."""
_CONNECT = 10.0
"""Seconds to a connection."""
_LARGEST = 256_000_000
"""Bytes of an answer: 128,000 tokens, each in an event of its own, are less."""
_LARGEST_ERROR = 1_000_000
_CLOUDS = {"bedrock": "Amazon Bedrock", "vertex": "Google Cloud"}
_BEDROCK = re.compile(r"(?:[a-z-]+\.)?anthropic\.claude-", re.IGNORECASE)


class _Bounded(httpx2.SyncByteStream):
    """A body that ends, even if its server does not end it: the SDKs read the bodies of errors whole."""

    def __init__(self, response: httpx2.Response) -> None:
        self._stream = response.stream
        self._left = _LARGEST if response.status_code < 400 else _LARGEST_ERROR

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self._stream, httpx2.SyncByteStream)  # noqa: S101 - of a synchronous client
        for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise Endless("its server sends more than any model writes")
            yield chunk

    def close(self) -> None:
        self._stream.close()  # type: ignore[union-attr]


def _bound(response: httpx2.Response) -> None:
    response.stream = _Bounded(response)


_BOUNDED = {"response": [_bound]}


def server_of(
    model: str,
    provider: str,
    *,
    api_key: SecretStr | None,
    base_url: str | None,
    anthropic_api_key: SecretStr | None = None,
    anthropic_base_url: str | None = None,
    silence: float = 600.0,
) -> Server:
    """Where a model is asked; `silence` in seconds. Raises ModelUnavailable."""
    if provider == "openai":
        return OpenAIServer(api_key, base_url, silence)
    return AnthropicServer(model, anthropic_api_key, anthropic_base_url, silence)


def require_key(
    model: str,
    provider: str,
    api_key: SecretStr | None,
    base_url: str | None,
    anthropic_api_key: SecretStr | None,
) -> None:
    """Only a server of one's own can be asked without a key, or a cloud with its own. Raises ModelUnavailable."""
    if provider == "openai" and api_key is None and base_url is None:
        raise ModelUnavailable(
            "There is no API key for the model service.",
            "Set OPENAI_API_KEY, ANTHROPIC_API_KEY, or OPENAI_BASE_URL to a server that asks for none (vLLM, Ollama). "
            "`paper2code demo` needs none: its answers are recorded.",
        )
    if provider == "anthropic" and anthropic_api_key is None and _platform(model) == "anthropic":
        raise ModelUnavailable(
            f"There is no API key for {model}.",
            "Set ANTHROPIC_API_KEY, or PAPER2CODE_PROVIDER=openai where a server that speaks OpenAI's protocol "
            "offers it.",
        )


class OpenAIServer:
    """OpenAI, or any server that speaks one of its protocols."""

    key_name = "OPENAI_API_KEY"
    url_name = "OPENAI_BASE_URL"

    def __init__(self, api_key: SecretStr | None, base_url: str | None, silence: float = 600.0) -> None:
        """A query in the address, as Azure has it, goes with every request. Raises ModelUnavailable."""
        import openai

        self._library = openai
        self.secret = api_key.get_secret_value() if api_key else ""
        try:
            address = urlsplit(base_url or OPENAI)
            if address.scheme not in ("http", "https") or not address.hostname:
                raise ValueError(base_url)
            self._query = dict(parse_qsl(address.query))
            azure = {"api-key": self.secret} if self.secret and "api-version" in self._query else {}
            self._client = openai.OpenAI(
                api_key=self.secret or "none",
                base_url=urlunsplit(address._replace(query="", fragment="")),
                default_query=self._query,
                default_headers=azure,
                max_retries=0,
                timeout=httpx2.Timeout(silence, connect=_CONNECT),
                http_client=openai.DefaultHttpxClient(event_hooks=_BOUNDED),
            )
        except (openai.OpenAIError, httpx2.InvalidURL, ValueError):
            raise ModelUnavailable("OPENAI_BASE_URL is not a URL.", f"Example: {OPENAI}") from None
        self.host = self._client.base_url.host

    def format(self, without: frozenset[str]) -> Format:
        """Responses where the server has it."""
        return Chat() if "responses" in without or not self._has_responses else Responses()

    @functools.cached_property
    def _has_responses(self) -> bool:
        """Known of OpenAI. Another server is sent an empty request: one that has it, misses what belongs in it."""
        if self.host == urlsplit(OPENAI).hostname:
            return True
        try:
            with httpx2.stream(
                "POST",
                self._client.base_url.join("responses"),
                params=self._query,
                headers={"Authorization": f"Bearer {self.secret or 'none'}", "api-key": self.secret},
                json={},
                timeout=_PROBE,
            ) as response:
                return response.status_code in (400, 422)
        except (httpx2.HTTPError, httpx2.InvalidURL):
            return False

    @contextmanager
    def open(self, format_: Format, body: dict[str, Any]) -> Iterator[httpx2.Response]:
        """Send a request."""
        resources = (
            self._client.responses if isinstance(format_, Responses) else self._client.chat.completions
        )
        create: Any = resources.with_streaming_response.create
        with _translated(self._library), create(**body) as opened:
            yield opened.http_response

    def close(self) -> None:
        """Release the connections."""
        self._client.close()


class AnthropicServer:
    """Anthropic, or Amazon's or Google's cloud where the model's name is theirs."""

    key_name = "ANTHROPIC_API_KEY"
    url_name = "ANTHROPIC_BASE_URL"

    def __init__(
        self, model: str, api_key: SecretStr | None, base_url: str | None, silence: float = 600.0
    ) -> None:
        """Raises ModelUnavailable."""
        import anthropic

        self._library = anthropic
        self._model = model
        self.secret = api_key.get_secret_value() if api_key else ""
        platform = _platform(model)
        base_url = base_url.rstrip("/").removesuffix("/v1") if base_url else None  # the SDK appends it
        common: dict[str, Any] = {
            "max_retries": 0,
            "timeout": httpx2.Timeout(silence, connect=_CONNECT),
            "http_client": anthropic.DefaultHttpxClient(event_hooks=_BOUNDED),
        }
        try:
            if platform == "bedrock":
                self._client: Any = anthropic.AnthropicBedrockMantle(base_url=base_url, **common)
            elif platform == "vertex":
                self._client = anthropic.AnthropicVertex(base_url=base_url, **common)
            else:
                self._client = anthropic.Anthropic(
                    api_key=self.secret or "none", base_url=base_url or ANTHROPIC, **common
                )
        except (anthropic.AnthropicError, ValueError) as error:  # no region, no project, two keys
            raise self._unequipped(error) from None
        except httpx2.InvalidURL:
            raise ModelUnavailable("ANTHROPIC_BASE_URL is not a URL.", f"Example: {ANTHROPIC}") from None
        self.host = self._client.base_url.host

    def format(self, without: frozenset[str]) -> Format:
        """There is but one."""
        return self._messages

    @functools.cached_property
    def _messages(self) -> Messages:
        """Within the model's limits: as the service tells them, where it does, else as they are known."""
        told: object = None
        if _platform(self._model) == "anthropic":
            with contextlib.suppress(
                self._library.AnthropicError,
                httpx2.HTTPError,
                httpx2.StreamError,
                Endless,
                ValueError,
                RecursionError,
            ):
                told = self._client.models.retrieve(self._model, timeout=_PROBE)
        most, window = (count(getattr(told, name, None)) for name in ("max_tokens", "max_input_tokens"))
        return Messages(most, window or window_of(self._model))

    @contextmanager
    def open(self, format_: Format, body: dict[str, Any]) -> Iterator[httpx2.Response]:
        """Send a request. Raises ModelUnavailable where a cloud's package or credentials are missing."""
        try:
            with (
                _translated(self._library),
                self._client.messages.with_streaming_response.create(**body) as opened,
            ):
                yield opened.http_response
        except (Rejection, Unreachable, NoAnswer, Endless, OSError):
            raise
        except Exception as error:  # whatever a cloud's package raises for what it lacks
            if _platform(self._model) not in _CLOUDS:
                raise
            raise self._unequipped(error) from None

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _unequipped(self, error: Exception) -> ModelUnavailable:
        platform = _platform(self._model)
        name = _CLOUDS.get(platform, "Anthropic")
        return ModelUnavailable(
            f"{self._model} cannot be asked at {name}: {' '.join(str(error).split()).rstrip('.')}.",
            f"Its name is that of a model at {name}: set that cloud's credentials and region, and "
            f"`pip install 'paper2code[{platform}]'`; or name the model as Anthropic does."
            if platform in _CLOUDS
            else f"Check {self.key_name}.",
        )


def _platform(model: str) -> str:
    """Who serves a Claude model of this name: clouds have names of their own for them."""
    if _BEDROCK.match(model):
        return "bedrock"
    return "vertex" if "@" in model else "anthropic"


@contextmanager
def _translated(library: ModuleType) -> Iterator[None]:
    """The two libraries' errors, which have the same names, as the protocol's."""
    try:
        yield
    except library.APITimeoutError as error:
        if isinstance(error.__cause__, httpx2.ConnectTimeout):
            raise Unreachable("nobody took the call in time") from None
        raise TimeoutError from None
    except library.APIStatusError as error:
        body = error.body
        inner = body.get("error", body) if isinstance(body, dict) else body
        told = inner.get("message") if isinstance(inner, dict) else None
        retry_after = error.response.headers.get("retry-after", "")
        raise Rejection(
            str(told or error.message), status=error.status_code, body=body, retry_after=retry_after
        ) from None
    except library.APIConnectionError as error:
        cause = error.__cause__ or error
        kind = Unreachable if isinstance(cause, httpx2.ConnectError) else ConnectionError
        raise kind(str(cause) or type(cause).__name__) from None
    except (library.APIError, httpx2.HTTPError) as error:
        raise ConnectionError(str(error) or type(error).__name__) from None
    except (httpx2.InvalidURL, httpx2.StreamError) as error:
        raise NoAnswer(str(error)) from None
