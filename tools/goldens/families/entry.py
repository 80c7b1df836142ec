"""What one golden of a family is: a tiny config for transformers, and where its drawing differs from the rule."""

import dataclasses


@dataclasses.dataclass
class Family:
    name: str  # of the golden's folder
    model_type: str  # of config.json, as AutoConfig knows it
    about: str
    config: dict
    vocab: int = 61
    options: dict = dataclasses.field(default_factory=dict)  # of the optimizer, where they differ from cases.OPTIONS
    batches: tuple = ("plain", "masked", "plain")  # see cases.make_batch
    dtype: str = "bfloat16"  # of the weights file; every golden's values are representable in bfloat16
    embedding_std: float = 0.5
    # Names of parameters (regular expressions) and the standard deviation of their draw about their initial value.
    std: dict = dataclasses.field(default_factory=dict)
    # What must show: a name and keys of the config that take it away. Each has to move a logit (make_family_goldens.py).
    without: dict = dataclasses.field(default_factory=dict)
    # Parameters (regular expressions) whose gradient may be nothing, and why.
    silent: dict = dataclasses.field(default_factory=dict)
    experts_in_rows: bool = False  # stacked experts are [experts, in, out]: the fan-in is the middle dimension
    seed: int = 0
    lengths: tuple = ()  # of the documents, where cases.make_batch's are too short
    spelling: str = "now"  # of config.json; "before": as releases before transformers 5 wrote it
    saving: dict = dataclasses.field(default_factory=dict)  # options of save_pretrained
    bare: bool = False  # config.json without the keys that say what the class assumes anyway


def tokens(**more):
    """No padding row, and ids that lie in the tiny vocabulary; families whose default is another say so."""
    return {"pad_token_id": None, "bos_token_id": 1, "eos_token_id": 2, **more}


def rows(hidden, layers, heads, kv_heads, intermediate, **more):
    return tokens(hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=kv_heads,
                  intermediate_size=intermediate, max_position_embeddings=256, **more)
