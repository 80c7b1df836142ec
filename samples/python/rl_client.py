"""A reinforcement-learning loop that trains a model elsewhere: rl_client.py PORT of samples/go/rlserver. Needs nothing but Python.

The task: after the prompt, say the token GOAL. Answers are drawn here, from the log-probabilities that the server gives (a real loop has a
sampler for whole answers); those that are better than their group's mean are made likelier, the others less likely, as in GRPO.
"""

import json
import math
import random
import sys
import urllib.request
from typing import Any, Dict, List

PROMPT, GOAL, CHOICES, GROUP, ROUNDS = [1, 2, 3], 7, 12, 16, 40


def ask(port: str, path: str, body: Dict[str, Any]) -> Dict[str, Any]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.load(answer))


def main(port: str) -> None:
    draw = random.Random(1)
    for number in range(1, ROUNDS + 1):
        answers = ask(port, "logprobs", {"documents": [PROMPT + [choice] for choice in range(CHOICES)]})["logprobs"]
        logprobs: List[float] = [answer[-1] for answer in answers]
        group = draw.choices(range(CHOICES), [math.exp(p) for p in logprobs], k=GROUP)
        rewards = [1.0 if choice == GOAL else -abs(choice - GOAL) / CHOICES for choice in group]
        mean = sum(rewards) / GROUP
        # Only the answer's token counts; its advantage is the reward above the group's mean.
        advantages = [[0.0] * len(PROMPT) + [reward - mean] for reward in rewards]
        old = [[0.0] * len(PROMPT) + [logprobs[choice]] for choice in group]
        metrics = ask(port, "policy", {"documents": [PROMPT + [choice] for choice in group], "advantages": advantages, "old_logprobs": old})
        if number % 10 == 0:
            share = math.exp(logprobs[GOAL]) / sum(map(math.exp, logprobs))
            print(f"round {number}  mean reward {mean:.3f}  gradient {metrics['grad_norm']:.3f}  the goal's share {share:.3f}")


if __name__ == "__main__":
    if sys.argv[1:] in (["--help"], ["-h"]):
        print(__doc__)
    elif len(sys.argv) != 2:
        sys.exit(__doc__)
    else:
        main(sys.argv[1])
