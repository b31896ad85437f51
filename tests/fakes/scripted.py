"""A language model that answers from a script, by stage. Injected where an LLM is wanted, never patched in."""

import threading
from collections.abc import Callable, Mapping

from pipeline.errors import ModelUnavailable
from pipeline.model.llm import ROLES, Completion, Prompt, Role, Share, Usage, role_of

Answer = str | Callable[[Prompt], str]


class ScriptedLLM:
    """Answers each stage as the script says and keeps what it was asked."""

    model = "scripted"

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = dict(answers)
        self.asked: list[Prompt] = []
        self.usages = dict.fromkeys(ROLES, Usage())
        self._lock = threading.Lock()

    @property
    def shares(self) -> dict[Role, Share]:
        with self._lock:
            return {role: Share(self.model, usage) for role, usage in self.usages.items()}

    @property
    def usage(self) -> Usage:
        with self._lock:
            return sum(self.usages.values(), Usage())

    def complete(self, prompt: Prompt) -> Completion:
        with self._lock:
            self.asked.append(prompt)
            self.usages[role_of(prompt.stage)] += Usage(calls=1, output_tokens=1)
        if prompt.stage not in self.answers:
            raise ModelUnavailable(f"the script has no answer for {prompt.stage}")
        answer = self.answers[prompt.stage]
        text = answer if isinstance(answer, str) else answer(prompt)
        usage = Usage(calls=1, output_tokens=1)
        return Completion(prompt.stage, text, "scripted", usage, 0.0, key=prompt.stage)

    @property
    def stages(self) -> list[str]:
        return [prompt.stage for prompt in self.asked]
