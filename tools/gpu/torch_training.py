"""What our runs are held against: PyTorch's AdamW on fp32 master weights beside a model in bf16."""
import numpy as np
import torch
from transformers import AutoModelForCausalLM


def loss_of(model, batch):
    """Mean cross-entropy of each next token, from fp32 logits."""
    logits = model(batch, use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits[:, :-1].float().reshape(-1, logits.shape[-1]), batch[:, 1:].reshape(-1))


class MasterTraining:
    """AdamW with weight decay 0.01 on matrices, after clipping to a norm of 1; the defaults of `horizon train`.

    `rounded`: the master is the bf16 weight itself, whose update is rounded to nearest.
    """

    def __init__(self, folder, device, rounded=False):
        exact = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa").to(device)
        # Taken before the model is rounded: masters on bf16's grid would lose small steps at first.
        self.masters = [p.detach().clone().requires_grad_() for p in exact.parameters()]
        self.model = exact.to(torch.bfloat16)
        self.rounded = rounded
        self.optimizer = torch.optim.AdamW([{"params": [m for m in self.masters if m.dim() >= 2], "weight_decay": 0.01},
                                            {"params": [m for m in self.masters if m.dim() < 2], "weight_decay": 0.0}])
        if rounded:
            self._round_masters()

    def step(self, batch, lr):
        """One update from a batch of token ids (rows x length); returns the loss before it."""
        loss = loss_of(self.model, batch)
        loss.backward()
        for p, master in zip(self.model.parameters(), self.masters):
            master.grad, p.grad = p.grad.float(), None
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        with torch.no_grad():
            for p, master in zip(self.model.parameters(), self.masters):
                p.copy_(master)
        if self.rounded:
            self._round_masters()
        return loss.item()

    def _round_masters(self):
        with torch.no_grad():
            for p, master in zip(self.model.parameters(), self.masters):
                master.copy_(p)


def ids_tensor(ids, device):
    """Token ids of a numpy array on a device, as PyTorch indexes with them."""
    return torch.from_numpy(ids.astype(np.int64)).to(device)
