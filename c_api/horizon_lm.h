/* Horizon-LM: train large language models from host memory, as an embeddable library.
 *
 * This header is the whole public interface and its manual. It is C99 and C++. Read it from top to bottom once; the
 * conventions hold for every function.
 *
 * Conventions
 *   Names       hlm_<object>_<verb>. The handle comes first, then inputs, then outputs.
 *   Errors      Every function that can fail returns an hlm_error*: NULL is success. On failure outputs are untouched, and the
 *               error is the only thing to free (hlm_error_destroy). Messages are one line of UTF-8 and name the value and the limit.
 *               Nothing prints, nothing aborts, no C++ exception leaves the library.
 *   Ownership   Said at each argument in one of these words: "borrowed for the call" (the default for every pointer that
 *               goes in: the library never keeps it), "caller frees with Y", "library takes". Destroy functions take NULL.
 *   Options     Structs start with `struct_size`. Initialise with hlm_<object>_options_init, which fills in size and defaults,
 *               then change what you need. Structs grow only at the end; a program built against an older header keeps working,
 *               and a newer program's unknown tail must be zero. A size below the first version's is INVALID_ARGUMENT.
 *               The _init functions are inline: they hand the size that the program was compiled with to the exported
 *               hlm_<struct>_init_sized, which writes exactly that many bytes. Foreign-function callers use those.
 *   Types       Counts and dimensions int64_t, sizes in bytes size_t, enumerations int32_t constants, booleans int32_t (0, 1),
 *               strings UTF-8. A buffer is a pointer and its length side by side: foo, n_foo (elements, or bytes for void*).
 *               Numbers in texts and files have points, whatever locale the program has set.
 *   Threads     Different handles may be used from different threads. One handle is used by one thread at a time, except
 *               that hlm_trainer_cancel may be called from any thread. There is no thread-local state.
 *   Forks       A forked child has no threads of its parent's trainers and optimizers: calls on them are FAILED_PRECONDITION there, and
 *               destroying them, or kept weights, does nothing. Other handles go on, and the child may make its own.
 */
/* Members have their comments beside them, wider than a formatter keeps them. */
/* clang-format off */
#ifndef HORIZON_LM_H_
#define HORIZON_LM_H_

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define HLM_API __attribute__((visibility("default")))
#define HLM_MUST_USE __attribute__((warn_unused_result))
#else
#define HLM_API
#define HLM_MUST_USE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ------------------------------------------------------------------------------------------------------- */

#define HLM_VERSION "0.1.0"
#define HLM_VERSION_MAJOR 0
#define HLM_VERSION_MINOR 1
#define HLM_VERSION_PATCH 0

/* The version of the library that is loaded, as HLM_VERSION. Static string. */
HLM_API const char* hlm_version(void);

/* ---- Errors -------------------------------------------------------------------------------------------------------- */

#define HLM_OK 0
#define HLM_CANCELLED 1
#define HLM_INVALID_ARGUMENT 3
#define HLM_DEADLINE_EXCEEDED 4
#define HLM_NOT_FOUND 5
#define HLM_ALREADY_EXISTS 6
#define HLM_RESOURCE_EXHAUSTED 8
#define HLM_FAILED_PRECONDITION 9
#define HLM_OUT_OF_RANGE 11
#define HLM_UNIMPLEMENTED 12
#define HLM_INTERNAL 13
#define HLM_UNAVAILABLE 14
#define HLM_DATA_LOSS 15

typedef struct hlm_error hlm_error;

/* The code (HLM_...); HLM_OK for NULL. */
HLM_API int32_t hlm_error_code(const hlm_error* error);
/* One line of text, valid until the error is destroyed; "" for NULL. */
HLM_API const char* hlm_error_message(const hlm_error* error);
HLM_API void hlm_error_destroy(hlm_error* error);
/* "INVALID_ARGUMENT" and so on; "UNKNOWN" for a number that is no code. Static string. */
HLM_API const char* hlm_code_name(int32_t code);

/* Frees a string that a function of this library handed out. */
HLM_API void hlm_string_destroy(char* text);

/* ---- Devices ------------------------------------------------------------------------------------------------------- */

/* A JSON array, one object a device, the CPU last: {"name", "description", "memory_bytes", "libraries", ...}; the CPU with "threads",
 * "host_memory_bytes" and "bf16" ("native" | "by conversion"), a CUDA device with "architecture", "driver" and "rates",
 * measured at its first use and kept in "calibration_file". Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_device_list(char** out_json);

/* The device that `name` ("auto", "cpu", "cuda:0") stands for, as one object of the list with "reason" added (why auto took it). Of
 * several ("cuda:0,cuda:1", hlm_plan_options.device) the first, and "devices", the names of all. NOT_FOUND for a name that is no device,
 * INVALID_ARGUMENT for one that is named twice, UNAVAILABLE for one that cannot be used here. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_device_describe(const char* name, char** out_json);

/* The named device and its host as the JSON text that hlm_plan_options.machine_json takes: to plan for this machine elsewhere.
 * Errors as above. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_device_machine(const char* name, char** out_json);

/* ---- Models -------------------------------------------------------------------------------------------------------- */

/* A model: its mathematics and where its weights come from. It holds no weights; a trainer loads them. Immutable. */
typedef struct hlm_model hlm_model;

#define HLM_DTYPE_F32 0
#define HLM_DTYPE_BF16 1
#define HLM_DTYPE_F16 2
#define HLM_DTYPE_AUTO (-1) /* when saving: the type of the source's weights; from a config F32 for f32 compute, else BF16 */
#define HLM_DTYPE_SOURCE 3  /* when saving: as AUTO, but weights that the source has packed (fp8, MXFP4) are packed again */

/* Opens a Hugging Face folder: config.json and safetensors (one file, or shards with an index), F32, BF16 or F16; or one checkpoint of
 * a trainer, whose weights are verified as they are read. docs/families.md lists the architectures. NOT_FOUND for missing files,
 * UNIMPLEMENTED naming an architecture or a setting that would change the mathematics, INVALID_ARGUMENT or DATA_LOSS naming file and
 * tensor for damaged ones. */
HLM_API HLM_MUST_USE hlm_error* hlm_model_open(const char* folder, hlm_model** out_model);

/* A model from the text of a config.json, with weights drawn from a seed: normal(0, initializer_range) for matrices, 1 for
 * norms, 0 for biases, each element from a counter-based generator keyed by (seed, tensor name, element index). */
HLM_API HLM_MUST_USE hlm_error* hlm_model_create(const char* config_json, int64_t init_seed, hlm_model** out_model);

/* A JSON object: {"architecture", "parameters", "active_parameters" (what a token goes through: of routed experts as many as it
 * chooses), "vocab_size", "hidden_size", "num_hidden_layers", ..., "tied", "source_dtype" (null from a seed),
 * "source_quantization" ("fp8" or "mxfp4" where tensors of the folder are packed so, which a saved folder's are by HLM_DTYPE_SOURCE only,
 * else null),
 * "sliding_window" (tokens that a query of a sliding layer sees, its own included; null where no layer slides),
 * "layer_windows": [one a layer, 0 for full attention],
 * "stop_ids" (that end a generation: eos_token_id of the folder's generation_config.json, or config.json), "stop_ids_error" (only where that
 * file does not say them as it must: the error; "stop_ids" is empty then, and nobody should generate without it), "stop_ids_unsaid" (true,
 * only where there is a generation_config.json that says none: transformers stops at none then, whatever config.json says),
 * "blocks": [the different ones: {"parts": ["attention", "mlp", ...], "layers": how many are such, "window", "rope": which of "ropes", -1:
 * none}], "ropes": [{"type", "theta", "dim", "factor"}], "pad_token" (whose row gets no gradient from the lookup; -1: none), "dropouts":
 * [settings above 0, "attention_dropout = 0.1"], "carried_tensors" and "carried_bytes" (of the folder that are not the model's and go into
 * what is saved as they are), "tensors": [{"name", "shape", "unit"}]}. Keys are only ever added. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_model_describe(const hlm_model* model, char** out_json);

typedef struct hlm_save_options {
  size_t struct_size;
  int32_t dtype;           /* type of saved weights: HLM_DTYPE_...; default AUTO: the source's, but BF16 for those that it has packed (fp8,
                              MXFP4); SOURCE packs these again as the source has them */
  int32_t overwrite;       /* 1: replace a folder that holds a saved model and nothing else; default 0 */
  int64_t max_shard_bytes; /* default 5 GiB */
} hlm_save_options;
HLM_API void hlm_save_options_init_sized(hlm_save_options* options, size_t struct_size);
static inline void hlm_save_options_init(hlm_save_options* options) { hlm_save_options_init_sized(options, sizeof(*options)); }

typedef struct hlm_text_options {
  size_t struct_size;
  const char* tokenizer;     /* a folder, or a tokenizer's file, as hlm_tokenizer_open takes: its files in place of all of the source's;
                                NULL (default): the source's */
  const char* chat_template; /* as hlm_template_open takes it: chat_template.jinja (and additional_chat_templates) in place of all of the
                                source's; NULL (default): the source's, or, where that has none, those beside `tokenizer` */
  const char* stop_ids_json; /* a list of ids that end what was trained: those that end no generation yet are added to eos_token_id of
                                generation_config.json and config.json; NULL (default): none */
} hlm_text_options;
HLM_API void hlm_text_options_init_sized(hlm_text_options* options, size_t struct_size);
static inline void hlm_text_options_init(hlm_text_options* options) { hlm_text_options_init_sized(options, sizeof(*options)); }

/* The model with other words: what is saved of it (of a trainer that is made of it, its checkpoints too) has the tokenizer, the chat
 * templates and the ids that end a generation with which it was trained, so that other programs give it the same text. The weights are
 * the same. The ids are those that hlm_dataset_describe tells: "turns": {"stop_ids"}. Files are read now. Errors of hlm_template_open;
 * INVALID_ARGUMENT naming what is no JSON, or an id outside the vocabulary. `model` may be destroyed afterwards; `options` may be
 * NULL. */
HLM_API HLM_MUST_USE hlm_error* hlm_model_with_text(const hlm_model* model, const hlm_text_options* options, hlm_model** out_model);

/* Writes the model with its original weights as a Hugging Face folder (see hlm_trainer_save_model). `options` may be NULL. */
HLM_API HLM_MUST_USE hlm_error* hlm_model_save(const hlm_model* model, const char* folder, const hlm_save_options* options);

/* Finds out before a training what hlm_model_save, or hlm_trainer_save_model of a trainer of this model, would fail by: the folder's
 * parent, what is there already, permissions (a file is written beside the target and removed), a mount point, the free space, the
 * process's limit of a file's size. Their errors; RESOURCE_EXHAUSTED names the bytes needed and those free. *out_bytes (may be NULL) is
 * what the folder will take; a trainer of f32 compute whose weights come from a seed saves F32: say so in `options`, which may be
 * NULL. */
HLM_API HLM_MUST_USE hlm_error* hlm_model_check_save(const hlm_model* model, const char* folder, const hlm_save_options* options,
                                                     int64_t* out_bytes);

HLM_API void hlm_model_destroy(hlm_model* model);

/* ---- Tokenizers ---------------------------------------------------------------------------------------------------- */

/* Text to token ids and back, as a Hugging Face tokenizer.json says. Immutable; unlike other handles any number of threads may use
 * one at the same time. Texts are a pointer and a length in bytes, may hold NUL, and must be UTF-8. */
typedef struct hlm_tokenizer hlm_tokenizer;

/* Opens a folder with tokenizer.json, with tokenizer.model (SentencePiece: BPE, Unigram) or with vocab.json and merges.txt (GPT-2 and
 * Qwen2 kinds), the first of these that is there, and with tokenizer_config.json, special_tokens_map.json and added_tokens.json; or one
 * of these files by its path, whose folder is looked through as well. Older files give the ids that transformers (5.24) makes of them.
 * Models of a tokenizer.json: BPE, Unigram, WordPiece, WordLevel. NOT_FOUND where there is none, saying what there is instead;
 * INVALID_ARGUMENT naming file and byte for damaged ones, UNIMPLEMENTED naming a component or class that is not known.
 * A file is somebody's input. For one text its patterns may take 50,000,000 steps and 256 for each byte, its normalizers and decoders
 * make 16 MiB and 512 bytes for each byte; INVALID_ARGUMENT naming the limit beyond. */
HLM_API HLM_MUST_USE hlm_error* hlm_tokenizer_open(const char* path, hlm_tokenizer** out_tokenizer);

/* A JSON object: {"model", "vocab_size" (different tokens, added ones included), "max_id" (a model has at least one row more),
 * "added_tokens", "byte_level", "bos_rule" (the file that says which special tokens surround a text), "ids_before", "ids_after",
 * "special_tokens": {"bos_token", "eos_token", "pad_token", ..., "additional_special_tokens": []}, "content_hash"}. Keys are only
 * ever added. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_tokenizer_describe(const hlm_tokenizer* tokenizer, char** out_json);

#define HLM_OFFSETS_BYTES 0
#define HLM_OFFSETS_CHARACTERS 1 /* code points, as Python counts */
#define HLM_OFFSETS_UTF16 2      /* code units, as Java counts */

typedef struct hlm_encode_options {
  size_t struct_size;
  int32_t add_special_tokens; /* 1 (default): BOS and the like, as the file says; 0: for text that a chat template made */
  int32_t offsets_in;         /* what offsets count: HLM_OFFSETS_...; default BYTES */
  const int64_t* plain;       /* [n_plain] begin and end, by turns, of spans of bytes that are somebody's input: no special token is
                                 matched that touches one. Rising, not overlapping. NULL with 0: none */
  size_t n_plain;             /* twice the spans */
  int32_t plain_added;        /* 1: in those spans no added token is matched at all, special or not; default 0 */
  int32_t trim_offsets;       /* 1: spaces at the ends of a token do not belong to it where the file says so; default 0 */
  int32_t one_beginning;      /* 1: what add_special_tokens puts before a text (BOS) is there once where the text begins with it already, as
                                 one that was rendered does; default 0: twice */
  int32_t reserved;           /* 0 */
} hlm_encode_options;
HLM_API void hlm_encode_options_init_sized(hlm_encode_options* options, size_t struct_size);
static inline void hlm_encode_options_init(hlm_encode_options* options) {
  hlm_encode_options_init_sized(options, sizeof(*options));
}

/* The ids of a text of n_text bytes. ids: [n_ids], offsets: [n_offsets] with the begin and end of each id in the text, by turns, n_offsets
 * = 2 * n_ids, or NULL with 0. out_n_ids is how many there are. With n_ids = 0 they are counted only. OUT_OF_RANGE naming the count where
 * they do not fit: nothing is written then. n_text + 16 are enough, unless a normalizer of the file makes texts longer. An offset
 * covers whole characters (ids that share one have the same); {0, 0} for ids that add_special_tokens put there. INVALID_ARGUMENT
 * naming the byte where the text is not UTF-8, or has more than 2^31 - 1 bytes. `options` may be NULL. */
HLM_API HLM_MUST_USE hlm_error* hlm_tokenizer_encode(const hlm_tokenizer* tokenizer, const char* text, size_t n_text,
                                                     const hlm_encode_options* options, int32_t* ids, size_t n_ids,
                                                     int64_t* offsets, size_t n_offsets, size_t* out_n_ids);

/* The text of ids; those that stand for nothing are left out. skip_special_tokens: 0 or 1. out_n_text (bytes; a NUL follows them) may be
 * NULL. Bytes that make no characters become U+FFFD. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_tokenizer_decode(const hlm_tokenizer* tokenizer, const int32_t* ids, size_t n_ids,
                                                     int32_t skip_special_tokens, char** out_text, size_t* out_n_text);

/* The token as the file spells it ("\xc4\xa0the" in a byte-level vocabulary). NOT_FOUND for an id that stands for nothing. out_n_text
 * may be NULL. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_tokenizer_token(const hlm_tokenizer* tokenizer, int32_t id, char** out_text, size_t* out_n_text);

/* The id of a token, spelled so. NOT_FOUND where there is none. */
HLM_API HLM_MUST_USE hlm_error* hlm_tokenizer_id(const hlm_tokenizer* tokenizer, const char* token, size_t n_token, int32_t* out_id);

HLM_API void hlm_tokenizer_destroy(hlm_tokenizer* tokenizer);

/* Decodes ids as they are generated. What push and finish hand out, one behind the other, is what hlm_tokenizer_decode makes of all
 * the ids; each is whole characters that nothing later can change. The tokenizer may be destroyed before it. */
typedef struct hlm_decoder hlm_decoder;

HLM_API HLM_MUST_USE hlm_error* hlm_decoder_create(const hlm_tokenizer* tokenizer, int32_t skip_special_tokens,
                                                   hlm_decoder** out_decoder);
/* The text that these ids complete, often "". out_n_text may be NULL. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_decoder_push(hlm_decoder* decoder, const int32_t* ids, size_t n_ids, char** out_text,
                                                 size_t* out_n_text);
/* What is left; then the decoder is as new. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_decoder_finish(hlm_decoder* decoder, char** out_text, size_t* out_n_text);
HLM_API void hlm_decoder_destroy(hlm_decoder* decoder);

/* ---- Chat templates ------------------------------------------------------------------------------------------------ */

/* The chat templates of a model (Jinja, as Hugging Face renders them), compiled. Immutable: any number of threads render from one
 * handle at once. A template is somebody's input: what it may use up is limited, and it reaches nothing but its variables. */
typedef struct hlm_template hlm_template;

/* `path`: a model's folder (tokenizer_config.json, chat_template.jinja, additional_chat_templates), a tokenizer_config.json, or a
 * file that holds a template. NOT_FOUND where there is none; INVALID_ARGUMENT naming the line for what is no template;
 * UNIMPLEMENTED naming a statement, filter or test that this library lacks. */
HLM_API HLM_MUST_USE hlm_error* hlm_template_open(const char* path, hlm_template** out_template);
/* A template from its text. Errors as above. */
HLM_API HLM_MUST_USE hlm_error* hlm_template_create(const char* text, hlm_template** out_template);
/* The same templates as a folder with this tokenizer's files has them. A template that comes alone, from a file or a text, knows no
 * tokens: it is given bos_token and its like by their names, and what is trained of a turn cannot end where generation does. Here the
 * tokenizer's special tokens stand in place of those of the same name, and its added tokens and those that end a generation (eos_token,
 * and eos_token_id of the generation_config.json beside its files) are known beside those that were. hlm_dataset_open does it with what
 * it is given. INVALID_ARGUMENT where generation_config.json says no ids. Both may be destroyed afterwards. */
HLM_API HLM_MUST_USE hlm_error* hlm_template_with_tokenizer(const hlm_template* chat_template, const hlm_tokenizer* tokenizer,
                                                            hlm_template** out_template);

/* A JSON object: {"names": [...], "generation": [names of those with {% generation %} tags], "special_tokens": {"bos_token": ...},
 * "added_tokens": [...], "stop_tokens": [...]}. Keys are only ever added. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_template_describe(const hlm_template* chat_template, char** out_json);

/* Every message of role "assistant", but those that say "weight": 0, "loss_weight": 0, "loss_mask": 0, "loss_scale": 0,
 * "train": false or "training": false. */
#define HLM_TRAIN_ON_ASSISTANT 0
#define HLM_TRAIN_ON_LAST 1       /* the last of these */
#define HLM_TRAIN_ON_COMPLETION 2 /* those of these behind the prompt */
#define HLM_TRAIN_ON_ALL 3        /* all of the text */

#define HLM_MASK_AUTO 0   /* the first of the following that the template allows */
#define HLM_MASK_TAGS 1   /* what the template marks with {% generation %} */
#define HLM_MASK_SPANS 2  /* what a turn adds to the prompt that inference would have seen */
#define HLM_MASK_UNROLL 3 /* a sequence for each trained turn, as inference would have seen it */

typedef struct hlm_template_options {
  size_t struct_size;
  const char* name;              /* of the template; NULL: chosen as Hugging Face does ("tool_use" with tools, else "default") */
  const char* tools_json;        /* an array of tools; NULL: none */
  const char* documents_json;    /* an array of documents; NULL: none */
  const char* variables_json;    /* an object of further variables; NULL: none */
  const char* date;              /* what strftime_now says: "YYYY-MM-DD" or "YYYY-MM-DD HH:MM:SS"; NULL: now */
  int32_t add_generation_prompt; /* 1: render ends with the beginning of an answer; default 0 */
  int32_t train_on;              /* training only, what is trained: HLM_TRAIN_ON_...; default ASSISTANT */
  int32_t mask;                  /* training only, how it is found: HLM_MASK_...; default AUTO */
  int32_t reserved;              /* 0 */
  int64_t prompt_messages;       /* training, COMPLETION: how many messages are the prompt; -1 (default): up to the last "user" */
  int64_t max_output_bytes;      /* of the text, and of every string on the way; 16 times as many may be worked through; default 64 MiB,
                                    at most 1 GiB */
  int64_t max_iterations;        /* turns of loops and calls of macros, in all; 10 times as many expressions; default 10,000,000, at most
                                    10^15 */
  int64_t max_depth;             /* expressions, blocks and macros inside each other; default 600, at most 600 */
  int32_t parse_arguments;       /* 1: arguments of tool calls that are JSON in a string become values, "" is {}; 0 (default): as they are */
  int32_t drop_null_arguments;   /* 1: members of arguments that are null are left out, as Arrow puts them there; default 0 */
} hlm_template_options;
HLM_API void hlm_template_options_init_sized(hlm_template_options* options, size_t struct_size);
static inline void hlm_template_options_init(hlm_template_options* options) {
  hlm_template_options_init_sized(options, sizeof(*options));
}

/* The text of a conversation. `messages_json`: an array of {"role", "content", ...}. Members reach the template as transformers (5.24)
 * hands them over: one that is null does not, and reasoning, which is named "reasoning_content", "thinking" or "reasoning" (the first that
 * is there counts), is there under the first two.
 * Strings with half a surrogate pair are INVALID_ARGUMENT, as is what the template raises or what Python would raise (computing with a
 * whole number beyond 64 bits is OUT_OF_RANGE; it can be printed), naming template and line; a limit that is reached is
 * RESOURCE_EXHAUSTED. `options` may be NULL. The text holds every special token that the template prints, bos_token too: tokenize it
 * without adding any. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_template_render(const hlm_template* chat_template, const char* messages_json,
                                                    const hlm_template_options* options, char** out_text);

/* A conversation for training: {"method": "tags" | "spans" | "unroll" | "all", "sequences": [{"text", "trained": [[begin, end], ...],
 * "messages": [the message of each], "input": [[begin, end], ...], "without_stop"}]}, ranges in bytes of the text (UTF-8), rising.
 * `trained` is proved: all that came from a trained message's content, reasoning and tool calls is in it, nothing of another message or
 * of the tools is, and it is never empty; else INVALID_ARGUMENT naming template and message. `input` is what came from the caller
 * and not from the template. without_stop counts trained ranges that do not end with an added token, where those are known. What a
 * trained message says and the template leaves out is counted where there is such: "dropped": [{"message", "field": "content" |
 * "reasoning" | "tool_calls", "characters" (without white space)}], and "unroll_keeps", how many of these HLM_MASK_UNROLL would train;
 * of the last sequence also what else of the conversation is not in its text: "left_out": [{"of": "role" (of messages that are not
 * trained) | "member" (of messages) | "tools" (all of them), "name" of the first two, "characters"}].
 * Several sequences only where the template rewrites history. `options` may be NULL. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_template_render_training(const hlm_template* chat_template, const char* messages_json,
                                                             const hlm_template_options* options, char** out_json);

HLM_API void hlm_template_destroy(hlm_template* chat_template);

/* ---- Plans --------------------------------------------------------------------------------------------------------- */

/* Everything that a run will do with memory, fixed before the first byte is allocated. Immutable. */
typedef struct hlm_plan hlm_plan;

#define HLM_PURPOSE_TRAIN 0            /* weights, remainders, moments, gradients */
#define HLM_PURPOSE_FORWARD_BACKWARD 1 /* no optimizer states: accumulate and read gradients */
#define HLM_PURPOSE_FORWARD 2          /* evaluate, logits, generate: 2 bytes a parameter in bf16 */

#define HLM_ACTIVATIONS_AUTO 0
#define HLM_ACTIVATIONS_KEEP 1
#define HLM_ACTIVATIONS_KEEP_CHEAP 2
#define HLM_ACTIVATIONS_RECOMPUTE 3

#define HLM_BLOCK_INPUTS_AUTO 0
#define HLM_BLOCK_INPUTS_DEVICE 1
#define HLM_BLOCK_INPUTS_HOST 2

#define HLM_TIMING_NEXT_FORWARD 0 /* updates run beside the next step's forward pass */
#define HLM_TIMING_BACKWARD 1     /* each unit is updated as soon as its gradient is down; no clipping */
#define HLM_TIMING_SERIAL 2       /* updates end before the step returns */
#define HLM_TIMING_AUTO (-1)        /* NEXT_FORWARD with clipping; without, it or BACKWARD: the most exact that fits, then the faster */

#define HLM_OPTIMIZER_ADAMW 0
#define HLM_OPTIMIZER_ADAM 1 /* weight decay is added to the gradient */
#define HLM_OPTIMIZER_SGD 2  /* beta1 is the momentum; one moment */
#define HLM_OPTIMIZER_LION 3 /* one moment */

/* How moments are stored. Both narrow forms are rounded stochastically by a counter: the same bits every time. */
#define HLM_STATES_F32 0
#define HLM_STATES_BF16 1  /* rounded stochastically */
#define HLM_STATES_INT8 2  /* a scale for each 256 */
#define HLM_STATES_AUTO (-1) /* the most exact that fits */

#define HLM_MASTER_SPLIT 0 /* exact: the bf16 weight and a 16-bit remainder; in f32 compute the weight itself */
#define HLM_MASTER_NONE 1  /* no remainder: bf16 weights, rounded stochastically; bf16 compute only */
#define HLM_MASTER_AUTO (-1) /* NONE only where nothing more exact fits */

/* What an update of the optimizer is made of on the host: the two are equal within a few units of the last place, not bit for bit. */
#define HLM_PATH_AUTO 0   /* the faster one by this machine's measured rates, which are kept in the calibration file */
#define HLM_PATH_FUSED 1  /* one fused loop: the same bits on every machine */
#define HLM_PATH_ONEDNN 2 /* oneDNN's primitives: AdamW with F32 states and an exact master only */

/* Over which tokens the routers' balancing loss takes its means; of several such scopes each counts by its tokens. */
#define HLM_AUX_SCOPE_STEP 0     /* all of a call: what transformers has for the batch as one micro-batch, however it is cut */
#define HLM_AUX_SCOPE_GROUP 1    /* each reduction group: the share of one device */
#define HLM_AUX_SCOPE_SEQUENCE 2 /* each document */

#define HLM_UNROUTED_ZERO 0 /* their gradient is zero: moments decay, weights move with them and decay */
#define HLM_UNROUTED_SKIP 1 /* they are left alone, and count their own updates */

/* Which experts of a mixture go up: no bit depends on it. The backward pass sends up and returns those alone that a row chose, where a
 * block is visited by groups of them. */
#define HLM_EXPERTS_UP_AUTO 0   /* routed where tokens are so few that it is faster as predicted, else all */
#define HLM_EXPERTS_UP_ALL 1    /* all, ahead of their turn */
#define HLM_EXPERTS_UP_ROUTED 2 /* those that a row of the sweep chose, once the router has run */

/* How several devices share a step's weights and gradients: no bit depends on it. */
#define HLM_ROUTE_AUTO 0 /* the faster one as predicted from this machine's measured rates */
#define HLM_ROUTE_HOST 1 /* each takes all weights from host memory, where gradients are added */
#define HLM_ROUTE_PEER 2 /* each takes a shard of them, gets the rest from the others and adds a shard of the gradients */

/* Who keeps masters, moments and sums of gradients where several processes share a step: no bit depends on it. */
#define HLM_PROCESS_STATES_AUTO 0      /* sharded where there are several processes */
#define HLM_PROCESS_STATES_SHARDED 1   /* each keeps and updates a share of every part; updated weights go to all others */
#define HLM_PROCESS_STATES_REPLICATE 2 /* each keeps and updates everything */

typedef struct hlm_plan_options {
  size_t struct_size;
  const char* device;         /* "auto" (default), "cpu", "cuda:0"; several that share each step: "cuda" (all), "cuda:0,cuda:2",
                                 "cuda:0-3", "cpu:4"; borrowed for the call */
  int32_t purpose;            /* what the plan is for: HLM_PURPOSE_...; default TRAIN */
  int32_t compute;            /* type of the arithmetic: HLM_DTYPE_BF16 (default) or HLM_DTYPE_F32 */
  int64_t batch_size;         /* rows of seq_len tokens in a step; default 8. A step takes up to batch_size * seq_len tokens */
  int64_t seq_len;            /* tokens of a row; default 512 */
  int64_t micro_batch;        /* rows in a micro-batch; 0: chosen. A document may have up to micro_batch * seq_len tokens. A step has
                                 2^20 micro-batches at most */
  int64_t sweeps;             /* passes over the weights in a step, up to 4096; 0: chosen */
  int32_t activations;        /* what stays between forward and backward: HLM_ACTIVATIONS_...; default AUTO */
  int32_t block_inputs;       /* where the inputs of blocks wait for backward: HLM_BLOCK_INPUTS_...; default AUTO */
  int64_t slots;              /* device copies of a block's weights; 0: chosen */
  int64_t prefetch;           /* units sent up ahead of the one that computes; -1: chosen (default); below slots */
  int64_t ring;               /* entries of the gradient ring; 0: chosen */
  int64_t head_chunk;         /* rows of logits at a time; 0: chosen; part of the numerics */
  int64_t max_part_bytes;     /* larger units move and are updated in parts of at most this size, at least 16384; 0: chosen, up to 256 MiB */
  int32_t optimizer_timing;   /* when weights are updated: HLM_TIMING_...; default NEXT_FORWARD */
  int32_t grad_dtype;         /* type of stored gradients: HLM_DTYPE_BF16 or HLM_DTYPE_F32; -1: as `compute` (default). f32 compute needs F32 */
  double grad_clip;           /* largest global norm; 0: off; default 1.0. BACKWARD timing needs 0 */
  int64_t threads;            /* of the CPU device's products; 0: as many as the process may use */
  int64_t optimizer_threads;  /* of the updates on the host; 0: chosen */
  int64_t host_limit_bytes;   /* most host memory to plan for; 0: what the machine and its cgroup allow */
  int64_t device_limit_bytes; /* most device memory; 0: what the device has */
  int32_t optimizer;          /* how a step changes the weights: HLM_OPTIMIZER_...; default ADAMW */
  int32_t states;             /* how moments are stored: HLM_STATES_...; default F32 */
  int32_t master;             /* what an update is added to: HLM_MASTER_...; default SPLIT */
  int64_t snapshot_bytes;     /* host memory for saving beside training; default 0; -1: what is left, up to the whole state */
  const char* machine_json;   /* a machine that is not here, docs/plan.md lists its keys: such a plan can be
                                 read, not run, and no device is touched. NULL (default): this machine;
                                 borrowed for the call */
  const char* numerics_json;  /* the "numerics" of a plan or a checkpoint: what the options leave to the plan (micro_batch, sweeps,
                                 head_chunk, grad_dtype, threads, algorithms of products) is taken from there instead of chosen, so that a
                                 run can go on bit for bit; NULL (default): chosen; borrowed for the call */
  int64_t frozen_copies;      /* copies of the weights that a trainer may keep (hlm_trainer_keep_weights); default 0 */
  int32_t optimizer_path;     /* what an update on the host is made of: HLM_PATH_...; default AUTO; part of the numerics */
  int32_t route;              /* how several devices share weights and gradients: HLM_ROUTE_...; default AUTO */
  int64_t reduction_groups;   /* into which a step's rows are dealt, a multiple of the devices; several processes have a power of two
                                 each: the same bits on any such number of devices and processes. Their gradients are added by a binary
                                 tree in fp32. 0: as many as there are devices (default); part of the numerics */
  int32_t ignore_dropout;     /* 1: a model whose config.json has dropouts above 0 is trained without them; default 0: it is refused */
  int32_t train_pad_row;      /* 1: the embedding's row of pad_token_id gets its gradient from the lookup, as others do; default 0:
                                 it gets none, as in transformers; part of the numerics */
  int64_t processes;          /* of the group that shares each step, each with such devices (hlm_group_size); default 1. batch_size is
                                 the rows of all of them */
  double router_aux_loss_coef; /* times this the routers' balancing loss is added to the loss of a mixture; below 0 (default): by the
                                 model's config, its router_aux_loss_coef where output_router_logits is true */
  double router_z_loss_coef;  /* times this the mean of logsumexp(router logits)^2 is added to the loss of a mixture; default 0 */
  double router_bias_rate;    /* by so much a step moves the bias for the choice of each expert, where routers have one: up where it got
                                 fewer tokens than the mean, down where more; default 0 */
  int32_t router_aux_loss_scope; /* over which tokens the balancing loss takes its means: HLM_AUX_SCOPE_...; default STEP */
  int32_t unrouted;           /* what an update does with experts that no token of the step chose: HLM_UNROUTED_...; default ZERO */
  int32_t process_states;     /* who keeps masters, moments and sums of gradients in a group: HLM_PROCESS_STATES_...; default AUTO */
  int32_t experts_up;         /* which experts of a mixture go up: HLM_EXPERTS_UP_...; default AUTO */
  int64_t max_piece_bytes;    /* experts of a block that are larger are sent up, computed and updated in groups of at most this size; 0:
                                 chosen, the block as a whole, groups of 512 MiB, or each alone */
  const char* freeze;         /* patterns of names of tensors that do not train, commas between them: "model.embed_tokens.*,*norm*"; `*`
                                 is any characters, `?` one, `[0-9]` one of those; a tied matrix has the embedding's name. They have no
                                 gradients, states or updates, and no backward pass comes below the first layer that trains. NULL
                                 (default): none; part of the numerics; borrowed for the call */
  const char* train_only;     /* patterns of names of the only tensors that train, but for those of `freeze`; NULL (default): all; part of
                                 the numerics; borrowed for the call */
} hlm_plan_options;
HLM_API void hlm_plan_options_init_sized(hlm_plan_options* options, size_t struct_size);
static inline void hlm_plan_options_init(hlm_plan_options* options) { hlm_plan_options_init_sized(options, sizeof(*options)); }

/* Makes a plan; allocates nothing. RESOURCE_EXHAUSTED with the bytes needed, the bytes there and what to change where the model
 * does not fit; INVALID_ARGUMENT for options that contradict each other. `options` may be NULL. */
HLM_API HLM_MUST_USE hlm_error* hlm_plan_make(const hlm_model* model, const hlm_plan_options* options, hlm_plan** out_plan);

/* The whole plan as a JSON object; docs/plan.md lists its keys, which are only ever added to. Caller frees with
 * hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_plan_json(const hlm_plan* plan, char** out_json);

/* One whole number of the plan by its key, as "host_bytes"; NOT_FOUND for a key that is not there or not a number. */
HLM_API HLM_MUST_USE hlm_error* hlm_plan_value(const hlm_plan* plan, const char* key, int64_t* out_value);

/* Times the matrix products of one step alone, at the plan's shapes and threads: the limit to hold a step against. A JSON object with
 * the seconds of one step ("seconds"), of which "linear", "grouped" (by expert, rows falling evenly), "attention_forward" and
 * "attention_backward", "form" (the type of the arithmetic), and "products", a
 * list of {"product", "times" it is in a step, "seconds" of all of these}. Takes some seconds. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_plan_time_products(const hlm_plan* plan, char** out_json);

HLM_API void hlm_plan_destroy(hlm_plan* plan);

/* ---- Data sets ----------------------------------------------------------------------------------------------------- */

/* Files of examples as steps of documents: read in the formats people have, tokenized once and kept, shuffled, mixed, split,
 * packed, from any place on. Memory does not grow with the files: they may be far larger. */
typedef struct hlm_dataset hlm_dataset;

/* Opens a data set. config_json is one JSON object; unknown keys are INVALID_ARGUMENT.
 *
 *   "data"          needed: a source, or a list of them. A source is a path (a file, or a folder, whose .jsonl and .json files are
 *                   taken by name), or an object {"path", "format", "columns", "tags", "ranking", "weight", "num_samples", "name"}, or
 *                   {"dataset_info": the path of a dataset_info.json or of its folder, "name", "weight", "num_samples"}. A file is
 *                   JSONL, or one JSON array; a .txt file has a text a line; each may be packed by gzip or zstd. "weight": the source's
 *                   share of an epoch; without any, each example is used once an epoch. "num_samples": so many of its records, drawn by
 *                   the seed.
 *     "format"      "auto" (by the keys of each file's first record), "text" {"text"}, "messages" {"messages", "tools"}, "sharegpt"
 *                   {"conversations", "system", "tools"}, "alpaca" {"instruction", "input", "output", "system", "history"},
 *                   "prompt_completion" {"prompt", "completion"}, "preference" {"prompt", "chosen", "rejected"} (without prompt: what
 *                   the two begin with), "unpaired" {"prompt", "completion", "label"}, "ids" {"input_ids", "labels" |
 *                   "completion_mask" | "assistant_masks"}. docs/datasets.md describes each.
 *     "columns"     other names of the keys, as dataset_info.json writes them: {"prompt": "question", ...}
 *   "task"          "sft" (default), "pretrain", "dpo", "orpo", "simpo" (pairs) or "kto" (labels)
 *   "train_on"      "auto" (default: completions, answers of conversations, all of a text), "assistant", "last", "completion", "all"
 *   "seq_len"       most tokens of a document, and tokens of a row, 2 to 16,777,216; default 512
 *   "packing"       true (default): rows of several documents, by best fit over the whole epoch; false: one a row
 *   "too_long"      documents above seq_len: "truncate" (default; the start stays), "split" (default of pretrain), "drop", "error"
 *   "shuffle"       true (default); "seed": default 0
 *   "evaluation"    a fraction, or a number of records, that are kept for evaluation, by seed and content; default 0
 *   "part"          "train" (default) or "evaluation"
 *   "epochs"        0 (default): without end; "drop_last": true leaves out an epoch's last step where it is not full
 *   "bad_records"   "error" (default) or "skip" (counted); "empty_answers": "drop" (default; counted) or "keep"
 *   "unused_members" "refuse" (default): a record is bad that has a member which looks like a part of the conversation and is not used;
 *                   "count": all that is not used is only counted (docs/datasets.md)
 *   "content_parts" "join" (default): content that is a list of texts becomes a string; "keep"
 *   "tool_arguments" "parse" (default): arguments of tool calls that are JSON in a string become values, as templates ask, an empty
 *                   string {}; "keep"
 *   "null_arguments" "drop" (default): members of arguments that are null are left out, as Arrow puts them there; "keep"
 *   "cache_dir"     where tokens are kept, by the content of files, tokenizer, template and options; null: nowhere; default
 *                   ".horizon-cache" beside the first file
 *   "max_record_bytes" default 256 MiB; "threads": 0 (default): as many as the process may use
 *   "model"         a model's folder: its tokenizer and its chat template, as far as they are not given as handles
 *   "append_eos"    true (default): eos_token ends a text, and a completion that is a string
 *   "safe_content"  true: no special token is matched in what is the caller's data; default false, as Hugging Face does
 *   "vocab_size"    ids lie below it; default: the tokenizer's
 *   "mask", "template_name", "template_date", "template_variables": see hlm_template_options. Without template_date a template that
 *                   prints the date prints today's, and is tokenized again on another day.
 *
 * tokenizer and chat_template may be NULL: text needs the one, conversations the other (FAILED_PRECONDITION). They may be destroyed
 * afterwards. INVALID_ARGUMENT naming file and line for a record that is damaged, of the wrong form, or that its template refuses;
 * and where nothing is left of the set, saying what was dropped and why. */
HLM_API HLM_MUST_USE hlm_error* hlm_dataset_open(const char* config_json, const hlm_tokenizer* tokenizer,
                                                 const hlm_template* chat_template, hlm_dataset** out_dataset);

/* One record as the data set would read it, before it is rendered: to look at. `index`: from 0, of all records of all files in their
 * order. A JSON object: {"where": "file:line", "format", "dropped" (a word of "account", or null), "kind": "text" | "messages" |
 * "completion" | "pair" | "unpaired" | "ids", and of these what it has: "text", "messages" (a conversation), "prompt", "completion",
 * "chosen", "rejected" (strings, or lists of messages), "label", "ids", "trained", "tools", "template_arguments"; "account" as below, of
 * this record}. The format "auto" goes by the record's own keys. Numbers that JSON lacks (NaN) are in it as they were. Nothing is
 * tokenized. Errors as of hlm_dataset_open; NOT_FOUND where there are fewer records. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_dataset_read_record(const char* config_json, int64_t index, char** out_json);

/* A JSON object: {"records" (read), "examples" (of this part), "documents", "tokens", "trained_tokens", "truncated", "split" (documents),
 * "dropped", "dropped_for": {"bad_record", "empty_answer", "turn_order", "nothing_trained", "too_long"}, "rows" (an epoch),
 * "row_tokens", "efficiency" (tokens of an epoch over those that its rows could hold), "column_length", "sources": [{"name", "format",
 * "records", "documents", "tokens", "documents_per_epoch"}], "account": [{"did": "dropped" | "cut" | "unused" | "repaired", "what", "name"
 * (of a member of the records), "records", "amount", "first" (file:line), "text" (a sentence)}], all that was done to the records beside
 * reading them (docs/datasets.md lists the words), "turns" (with a tokenizer; of large sets a part is looked at): {"documents", "turns"
 * (runs of trained tokens), "without_stop" (that no added token ends), "ends": [{"id", "token", "last" (turns that it ends, behind which
 * the document ends), "inner" (others), "inside" (times that it stands inside a turn)}], "stop_ids" (of those that end last turns and stand
 * inside none; see hlm_model_with_text), "inner_stop_ids" (that end others alone)}, "cache": {"state": "built" | "read" | "rebuilt",
 * "folder", "key", "note"}, "task", "part", "seq_len", "packing"}. Keys are only ever added. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_dataset_describe(hlm_dataset* dataset, char** out_json);

/* One step. All pointers are borrowed until the next call with this data set. The first three arrays are hlm_batch's. */
typedef struct hlm_dataset_batch {
  size_t struct_size;       /* set by the caller, as in options */
  const int32_t* ids;       /* [n_ids] */
  size_t n_ids;             /* 0: the last epoch has ended */
  const int64_t* offsets;   /* [n_offsets] documents + 1 */
  size_t n_offsets;
  const int32_t* labels;    /* [n_labels] the ids, and -100 where nothing is trained and at a document's first token */
  size_t n_labels;
  const int64_t* documents; /* [n_documents] the number of each document: its place in a column */
  size_t n_documents;
  const int32_t* desirable; /* [n_desirable] of each document: 0 where a label calls it undesirable, or it is a pair's second; else 1 */
  size_t n_desirable;
  const int64_t* rows;      /* [n_rows] row r has the documents from rows[r] up to rows[r + 1] */
  size_t n_rows;            /* rows + 1 */
  int64_t trained;          /* labels that are not -100 */
  int64_t epoch;            /* from 0 */
} hlm_dataset_batch;
HLM_API void hlm_dataset_batch_init_sized(hlm_dataset_batch* batch, size_t struct_size);
static inline void hlm_dataset_batch_init(hlm_dataset_batch* batch) { hlm_dataset_batch_init_sized(batch, sizeof(*batch)); }

/* The next step: what `rows` rows of seq_len tokens hold (batch_size of a plan). Tasks of pairs have documents 2i (chosen) and 2i + 1
 * (rejected), and a row of pairs takes two rows. A step never reaches into the next epoch. */
HLM_API HLM_MUST_USE hlm_error* hlm_dataset_next(hlm_dataset* dataset, int64_t rows, hlm_dataset_batch* out_batch);

/* For kto: the last step with answers moved on by one document, each prompt with the next one's answer, cut to seq_len (see
 * hlm_kto_options). Where that gives a prompt an answer of its own (both of a pair have one), by as many as leave the fewest such, which
 * are left out. Its pointers are apart from the step's, and borrowed until the next call of this function. n_ids is 0 where the step has
 * one prompt. FAILED_PRECONDITION for other tasks. */
HLM_API HLM_MUST_USE hlm_error* hlm_dataset_mismatched(hlm_dataset* dataset, hlm_dataset_batch* out_batch);

/* Where the next step begins, as JSON of some hundred bytes: for a checkpoint's user data. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_dataset_position(hlm_dataset* dataset, char** out_json);
/* Goes to such a place: what follows is what followed then. FAILED_PRECONDITION where files, tokenizer, template or options are others. */
HLM_API HLM_MUST_USE hlm_error* hlm_dataset_seek(hlm_dataset* dataset, const char* position_json);

/* A float for each document (column_length of them, both parts), kept in the cache: log-probabilities of a reference, computed once.
 * `key` says what they were computed with, as a hash of the weights; name: letters, digits, _ and -. Documents that are cut otherwise
 * (seq_len, too_long) have other columns. read: NOT_FOUND where there is none (or it is damaged); n_values must be column_length. write:
 * FAILED_PRECONDITION without a cache. */
HLM_API HLM_MUST_USE hlm_error* hlm_dataset_write_column(hlm_dataset* dataset, const char* name, const char* key,
                                                         const float* values, size_t n_values);
HLM_API HLM_MUST_USE hlm_error* hlm_dataset_read_column(hlm_dataset* dataset, const char* name, const char* key, float* values,
                                                        size_t n_values);

HLM_API void hlm_dataset_destroy(hlm_dataset* dataset);

/* ---- Batches ------------------------------------------------------------------------------------------------------- */

/* Documents of any lengths, one behind the other: no padding is ever needed. Attention stays within a document and its
 * positions start at 0. Borrowed for the call.
 *
 * labels[t] and weights[t] belong to the token that is predicted at t, from the tokens of its document before it: the shift
 * is inside, as in Hugging Face. A document's first label and weight are never used. -100 is not predicted.
 *
 * loss = sum over predicted t of (weights[t] * -log p(labels[t] | tokens before t) + entropy_weights[t] * H[t]) / denominator, with
 * p = softmax(logits / temperature) and H[t] the entropy of the prediction of token t.
 * With weights and a denominator of the caller's choosing, any loss on token log-probabilities can be driven from outside. */
typedef struct hlm_batch {
  size_t struct_size;
  const int32_t* ids;      /* [n_ids] token ids in [0, vocab_size) */
  size_t n_ids;
  const int64_t* offsets;  /* [n_offsets] document d is ids[offsets[d]] up to ids[offsets[d+1]]; 0 to n_ids, rising strictly */
  size_t n_offsets;        /* documents + 1 */
  const int32_t* labels;   /* [n_labels] n_labels == n_ids; or NULL with 0: the ids themselves */
  size_t n_labels;
  const float* weights;    /* [n_weights] n_weights == n_ids, finite; or NULL with 0: 1 for each predicted token */
  size_t n_weights;
  double denominator;      /* above 0; 0: the sum of the weights of the predicted tokens */
  const float* entropy_weights; /* [n_entropy_weights] n_entropy_weights == n_ids, finite; or NULL with 0: the entropy plays no part */
  size_t n_entropy_weights;
  double temperature;      /* in [1e-6, 1e6]; 0: 1. hlm_trainer_logits gives logits as they are */
} hlm_batch;
HLM_API void hlm_batch_init_sized(hlm_batch* batch, size_t struct_size);
static inline void hlm_batch_init(hlm_batch* batch) { hlm_batch_init_sized(batch, sizeof(*batch)); }

/* ---- Groups -------------------------------------------------------------------------------------------------------- */

/* The processes of one run on several machines, one process a machine: each drives all devices of its own. A trainer that is made in a
 * group (hlm_trainer_create_in_group) shares every step with the trainers of the other processes: the same weights, losses and metrics on
 * all of them, and with the same reduction groups of the plan the same bits as on one machine. Launchers start the processes: torchrun,
 * srun, mpirun, Kubernetes, Ray.
 *
 * A group that has lost a process is of no more use: every call of every process that needs it is UNAVAILABLE and names the rank, within
 * the times of the options. Nothing waits for ever. The launcher starts the run again, which goes on from its last checkpoint, with more
 * or fewer processes if need be. */
typedef struct hlm_group hlm_group;

/* What carries arrays between the processes of a group. Each is loaded when it is needed, from a library beside this one. */
#define HLM_CARRIER_AUTO 0 /* gradients and weights by NCCL where every process trains on GPUs and finds it, all else by Gloo */
#define HLM_CARRIER_GLOO 1 /* Gloo over TCP, from host memory */
#define HLM_CARRIER_NCCL 2 /* as AUTO, and a trainer without NCCL is UNAVAILABLE: libnccl.so.2, where it is installed or from pip */
#define HLM_CARRIER_MPI 3  /* MPI, which has started the processes; the library is the one of this machine */

typedef struct hlm_group_options {
  size_t struct_size;
  double timeout_seconds;     /* that a call waits for a process which lives but does not take part, in [0.1, 1e7]; default 1800 */
  double silence_seconds;     /* after which a process of which nothing is heard counts as hung, in [0.1, 1e7]; default 60 */
  int32_t several_per_machine; /* 1: several processes of one machine may be in the group, each with the CPU as its device; default 0 */
  int32_t carrier;            /* of arrays between the processes: HLM_CARRIER_...; default AUTO; no bit depends on it */
} hlm_group_options;
HLM_API void hlm_group_options_init_sized(hlm_group_options* options, size_t struct_size);
static inline void hlm_group_options_init(hlm_group_options* options) { hlm_group_options_init_sized(options, sizeof(*options)); }

/* The group that the launcher of this process describes in the environment, which no other function of this library but
 * hlm_group_describe_environment reads:
 *
 *   torchrun, Kubernetes, Ray   RANK, WORLD_SIZE, LOCAL_WORLD_SIZE; MASTER_ADDR, MASTER_PORT; what else torchrun sets
 *   Open MPI                    OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE, OMPI_COMM_WORLD_LOCAL_SIZE
 *   Slurm (srun)                SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_STEP_TASKS_PER_NODE, SLURM_STEP_NODELIST, SLURM_JOB_ID
 *   PMI (MPICH, Intel MPI)      PMI_RANK, PMI_SIZE, MPI_LOCALNRANKS
 *
 * MASTER_ADDR and MASTER_PORT are where rank 0 listens under each of them; Slurm's first node, and Open MPI on one machine, need none.
 * HORIZON_LM_CARRIER (auto, gloo, nccl, mpi) is the carrier where `options` leave it at AUTO.
 * Waits until all processes have come. None of these variables: a group of one. INVALID_ARGUMENT or FAILED_PRECONDITION naming the variable
 * and its value where they are no place in a group, or tell of several processes on this machine and the options do not allow it;
 * UNAVAILABLE where the others do not come within timeout_seconds. `options` may be NULL. */
HLM_API HLM_MUST_USE hlm_error* hlm_group_from_environment(const hlm_group_options* options, hlm_group** out_group);

/* What the launcher says of this process in the environment, by the same variables; waits for nobody. A JSON object: {"rank", "size",
 * "local_size", "launcher"} as of hlm_group_describe; 0, 1, 1 and "" where there is none of them. Errors as above, but several processes on
 * this machine are told. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_group_describe_environment(char** out_json);

/* The group of `size` processes whose rank 0 listens at `address`, "host:port". Waits until all have come; however they have met,
 * they count each other then, by machine: a kernel and a host name, so that a container with a name of its own is one. A trainer with GPUs
 * is refused where several are on one. UNAVAILABLE where the others do not come within timeout_seconds. size is at most 1024; `options`
 * may be NULL. */
HLM_API HLM_MUST_USE hlm_error* hlm_group_connect(const char* address, int64_t rank, int64_t size, const hlm_group_options* options,
                                                  hlm_group** out_group);

/* Gives every rank everybody's bytes: `own` has n_bytes, `all` size * n_bytes, in the order of ranks. Non-zero: it has failed. */
typedef int32_t (*hlm_all_gather_fn)(void* user_data, const void* own, void* all, size_t n_bytes);

/* A group whose processes find each other through an engine that they run in already (MPI, Spark, any): `all_gather` is called once, by
 * every rank, on the calling thread, before this returns; not afterwards, and not at all in a group of one. UNAVAILABLE where it fails;
 * errors and `options` as above. */
HLM_API HLM_MUST_USE hlm_error* hlm_group_from_callback(int64_t rank, int64_t size, hlm_all_gather_fn all_gather, void* user_data,
                                                        const hlm_group_options* options, hlm_group** out_group);

HLM_API int64_t hlm_group_rank(const hlm_group* group); /* 0 for NULL */
HLM_API int64_t hlm_group_size(const hlm_group* group); /* 1 for NULL */

/* A JSON object: {"rank", "size", "local_size" (processes on this machine), "launcher" ("torchrun", "Open MPI", "Slurm", "PMI"; "" where
 * none was asked), "carrier" (of gradients and weights now: "gloo", "nccl", "mpi"; "" alone)}. Keys are only ever added. Caller frees with
 * hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_group_describe(const hlm_group* group, char** out_json);

/* Waits until every rank has called it. Not beside a call of a trainer of the group. */
HLM_API HLM_MUST_USE hlm_error* hlm_group_barrier(hlm_group* group);

/* Gives every rank everybody's bytes: `own` has n_own, the same number on every rank, `all` n_all, which is size * n_own, in the order of
 * ranks. Not beside a call of a trainer of the group. INVALID_ARGUMENT where n_all is another number, FAILED_PRECONDITION naming a rank
 * whose n_own is. */
HLM_API HLM_MUST_USE hlm_error* hlm_group_all_gather(hlm_group* group, const void* own, size_t n_own, void* all, size_t n_all);

/* Leaves the group; a trainer of it keeps it until it is destroyed itself. Waits until no other rank is within an exchange that this one
 * took part in; rank 0 waits for some seconds for the others to leave, too. */
HLM_API void hlm_group_destroy(hlm_group* group);

/* ---- Trainers ------------------------------------------------------------------------------------------------------ */

typedef struct hlm_trainer hlm_trainer;

#define HLM_SCHEDULE_CONSTANT 0
#define HLM_SCHEDULE_LINEAR 1
#define HLM_SCHEDULE_COSINE 2

/* AdamW (Loshchilov and Hutter 2019) with decoupled decay on tensors of two or more dimensions. Step s counts from 1: the rate
 * is lr * s / warmup_steps up to warmup_steps, then constant, or falling (linear, cosine) to min_lr_ratio * lr at total_steps. */
typedef struct hlm_trainer_options {
  size_t struct_size;
  double lr;            /* learning rate; default 1e-5 */
  double beta1;         /* decay of the first moment; of SGD the momentum; default 0.9 */
  double beta2;         /* decay of the second moment; default 0.999 */
  double eps;           /* added to the root of the second moment; default 1e-8 */
  double weight_decay;  /* of tensors of two or more dimensions; default 0.01 */
  int32_t schedule;     /* of the rate after warm-up: HLM_SCHEDULE_...; default CONSTANT */
  int64_t warmup_steps; /* steps of rising rate; default 0 */
  int64_t total_steps;  /* needed by LINEAR and COSINE; default 0 */
  double min_lr_ratio;  /* the last step's rate over lr; default 0 */
  int64_t token_metrics; /* 1: hlm_step_metrics tells mean_token_accuracy and entropy, for a little work in the head; default 0 */
} hlm_trainer_options;
HLM_API void hlm_trainer_options_init_sized(hlm_trainer_options* options, size_t struct_size);
static inline void hlm_trainer_options_init(hlm_trainer_options* options) {
  hlm_trainer_options_init_sized(options, sizeof(*options));
}

/* Allocates what the plan says and loads the weights. Model and plan may be destroyed afterwards. grad_clip, timing and device
 * are the plan's. `options` may be NULL. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_create(const hlm_model* model, const hlm_plan* plan,
                                                   const hlm_trainer_options* options, hlm_trainer** out_trainer);

/* The same, in a group; NULL, or a group of one: as hlm_trainer_create. The plan must have been made for so many processes
 * (hlm_plan_options.processes), and model, plan options and options must be the same on every rank: FAILED_PRECONDITION naming the rank and
 * what differs. What a plan finds by timing or reads off its machine is rank 0's choice for all: a rank whose plan chose otherwise trains
 * by a plan of its own with these choices, or fails as above with the key and both values. All ranks take part in every call that
 * accumulates, applies, steps or evaluates, in the same order, each with rows of its own: the batch of the call is those of all ranks, one
 * behind the other, and the engine deals its rows to ranks and devices by index. A rank's batch may be empty where another's is not. The
 * whole of it is what batch_size, denominator, losses and metrics speak of; all ranks get the same. Where a rank cannot take part (its
 * batch is wrong, it was cancelled) all of them return that code, and nothing has happened. Cancels and deadlines act where such a call
 * begins or applies, not within its passes. Log-probabilities, logits and kept weights are each rank's own affair; what is written to a
 * tensor must be the same on all ranks. All of them call hlm_trainer_save, whose folder every machine must see, hlm_trainer_save_model,
 * which writes on rank 0 alone, and hlm_trainer_resume. Where states are sharded (HLM_PROCESS_STATES_SHARDED) each rank writes its share of
 * a checkpoint, and all of them read a tensor (hlm_trainer_read_tensor) in the same calls, but for weights without a remainder, which
 * everybody has; where they are replicated rank 0 writes and reading is each rank's own affair. hlm_trainer_accumulate_fn is UNIMPLEMENTED.
 * */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_create_in_group(const hlm_model* model, const hlm_plan* plan,
                                                            const hlm_trainer_options* options, hlm_group* group,
                                                            hlm_trainer** out_trainer);

typedef struct hlm_step_metrics {
  size_t struct_size;   /* set by the caller, as in options */
  int64_t step;         /* from 1 */
  double loss;          /* of all accumulated since the last update; not finite where the model diverged or nothing was predicted */
  double grad_norm;     /* before clipping; NaN where nothing was predicted */
  double lr;
  int64_t tokens;       /* predicted */
  double seconds;       /* from the first accumulate to the end of apply */
  int32_t skipped;      /* 1: loss or gradient not finite, or nothing predicted: no weight changed */
  int64_t skipped_units; /* BACKWARD timing: units (or parts of them) whose gradient was not finite: they kept their values */
  double mean_token_accuracy; /* of the predicted tokens the share that was the likeliest; -1 without token_metrics */
  double entropy;       /* mean over the predictions, in nats; -1 without token_metrics */
  double aux_loss;      /* the routers' balancing loss, without its coefficient; -1 without such a loss */
  double router_z_loss; /* likewise the mean of logsumexp(router logits)^2 */
  double expert_imbalance; /* of a mixture: the most tokens of an expert over the mean, in the layer where that is largest; else -1 */
  double unrouted_experts; /* of a mixture: the share of experts, of all layers, that no token chose; else -1 */
} hlm_step_metrics;
HLM_API void hlm_step_metrics_init_sized(hlm_step_metrics* metrics, size_t struct_size);
static inline void hlm_step_metrics_init(hlm_step_metrics* metrics) { hlm_step_metrics_init_sized(metrics, sizeof(*metrics)); }

/* One optimizer step: hlm_trainer_accumulate, then hlm_trainer_apply. out_metrics may be NULL. With NEXT_FORWARD timing the
 * updates of this step still run when it returns; whatever reads weights waits for them. A batch of which nothing is predicted
 * (every label -100) makes a step that is skipped: its number and the schedule go on, no weight changes. accumulate and evaluate
 * refuse such a batch with INVALID_ARGUMENT: they have no loss to give. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_step(hlm_trainer* trainer, const hlm_batch* batch, hlm_step_metrics* out_metrics);

/* Forward and backward; adds the batch's gradient to what was accumulated since the last apply and changes no weight.
 * FAILED_PRECONDITION under BACKWARD timing. out_loss (the batch's own) and out_tokens may be NULL. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_accumulate(hlm_trainer* trainer, const hlm_batch* batch, double* out_loss,
                                                       int64_t* out_tokens);

/* Clips, updates the weights, forgets the gradient. FAILED_PRECONDITION where nothing was accumulated. out_metrics may be NULL. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_apply(hlm_trainer* trainer, hlm_step_metrics* out_metrics);

/* Forgets what was accumulated; no weight changes. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_discard(hlm_trainer* trainer);

/* A constant learning rate from the next apply on, instead of the schedule's; negative: the schedule again. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_set_learning_rate(hlm_trainer* trainer, double lr);

/* Mean loss over the batch's predicted tokens (weighted, over its denominator), without what routers add to a step's; changes
 * nothing. A batch may be as large as the plan's step. Each out may be NULL. exp(loss) is the perplexity where the weights are 1. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_evaluate(hlm_trainer* trainer, const hlm_batch* batch, double* out_loss,
                                                     int64_t* out_tokens);

/* Logits of the next token at the given places of batch->ids (indices in [0, n_ids), rising); NULL with 0: at every place. Writes
 * [places, vocab_size] floats; n_logits must be exactly that. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_logits(hlm_trainer* trainer, const hlm_batch* batch, const int64_t* places,
                                                   size_t n_places, float* logits, size_t n_logits);

#define HLM_TENSOR_WEIGHT 0        /* the fp32 master (bf16 weight and remainder joined) */
#define HLM_TENSOR_GRADIENT 1      /* as the optimizer will read it, before clipping; between accumulate and apply */
#define HLM_TENSOR_FIRST_MOMENT 2
#define HLM_TENSOR_SECOND_MOMENT 3

/* Reads n_data bytes of a tensor from byte_offset on, as float (4 bytes an element, row-major, native order) whatever it is
 * stored as. Offset and length are multiples of 4. NOT_FOUND for a name the model lacks, OUT_OF_RANGE past the end,
 * FAILED_PRECONDITION for a kind that is not there now: of a tensor that does not train only the weight is, as it is held. Waits for
 * pending updates. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_read_tensor(hlm_trainer* trainer, const char* name, int32_t kind, size_t byte_offset,
                                                        void* data, size_t n_data);
/* The inverse. Values must be finite (and second moments not negative), else INVALID_ARGUMENT and nothing is written. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_write_tensor(hlm_trainer* trainer, const char* name, int32_t kind, size_t byte_offset,
                                                         const void* data, size_t n_data);

/* Writes the current weights as a Hugging Face folder: config.json, safetensors, and the other files of the source folder
 * (tokenizer ...). Written beside the target and renamed at the end, never half; on an error the target is as it was.
 * ALREADY_EXISTS where it exists and is not empty and overwrite is 0; with overwrite FAILED_PRECONDITION naming a file in it that no
 * save wrote. A failed save does not harm the training: it can be tried again elsewhere. `options` may be NULL.
 * With dtype SOURCE fp8 and MXFP4 weights are packed again from the finest values that the trainer has: names, types, shapes and
 * quantization_config are the source's. A block of fp8 whose numbers are still what its source's scale gives keeps that scale, others get
 * their largest magnitude / 448. UNIMPLEMENTED naming file, setting or tensor, and value, where the source is packed in a way that is read
 * and not written (scales of activations, scales in F16). */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_save_model(hlm_trainer* trainer, const char* folder, const hlm_save_options* options);

/* ---- Checkpoints of a trainer ---- */

/* A directory of checkpoints holds one folder `step-<12 digits>` for each (docs/checkpoint.md is the format): weights with their
 * remainders, moments, step, numerics, and the model's configuration and tokenizer files. hlm_model_open takes such a folder too, so
 * a checkpoint can be evaluated, or exported with hlm_model_save, on a machine without a GPU. */
typedef struct hlm_checkpoint_options {
  size_t struct_size;
  int64_t keep;          /* so many newest checkpoints of the directory stay, older ones are removed; 0 (default): all */
  int32_t background;    /* 1 (default): returns once the state is fixed, and writes while training goes on; 0: returns when all of
                            it is on the medium */
  const char* user_data; /* UTF-8 text that is kept with the state and handed out by resume (a position in the data, say); NULL:
                            none; borrowed for the call */
} hlm_checkpoint_options;
HLM_API void hlm_checkpoint_options_init_sized(hlm_checkpoint_options* options, size_t struct_size);
static inline void hlm_checkpoint_options_init(hlm_checkpoint_options* options) {
  hlm_checkpoint_options_init_sized(options, sizeof(*options));
}

/* Saves the state after the last step into directory/step-<step>; the directory is made where it is missing (its parent must exist).
 * Written under another name, synced, and renamed at the end: there is never half a checkpoint of that name. Units that fit the
 * plan's snapshot_bytes are copied; a later step waits for the others to be written before it changes them. Waits for a save before
 * it. FAILED_PRECONDITION where a gradient is accumulated and not applied, or the plan has no optimizer states. Legal after the
 * device has failed. A failed save harms neither the training nor earlier checkpoints. `options` may be NULL. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_save(hlm_trainer* trainer, const char* directory, const hlm_checkpoint_options* options);

/* Waits at most so many seconds (0: looks only; negative: without limit) until no save is under way; *out_done (may be NULL) is 1
 * then, else 0. Returns the error of a background save that failed, once. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_save_wait(hlm_trainer* trainer, double seconds, int32_t* out_done);

typedef struct hlm_resume_options {
  size_t struct_size;
  int32_t allow_numerics_change; /* 1: go on where the plan's numerics differ from the checkpoint's (another device, other sweeps): the
                                    run continues within rounding, not bit for bit; default 0 */
  int32_t reserved;              /* 0 */
} hlm_resume_options;
HLM_API void hlm_resume_options_init_sized(hlm_resume_options* options, size_t struct_size);
static inline void hlm_resume_options_init(hlm_resume_options* options) { hlm_resume_options_init_sized(options, sizeof(*options)); }

/* Finds out before a training whether hlm_trainer_save could write into the directory, by writing a file there and removing it, and
 * whether `bytes` are free (of one checkpoint a plan tells "saving.state_bytes"). A directory that is missing stays so. */
HLM_API HLM_MUST_USE hlm_error* hlm_checkpoint_check(const char* directory, int64_t bytes);

/* Puts the trainer into the state of the newest good checkpoint of a directory, or of one checkpoint folder. Every byte is verified;
 * a damaged checkpoint is passed over for the one before. *out_json (may be NULL; caller frees with hlm_string_destroy) says what
 * happened: {"step", "path", "user_data" (or null), "passed_over": [{"path", "reason"}]}. The step's number, the position in the
 * schedule, and a rate set by hlm_trainer_set_learning_rate are the checkpoint's afterwards; rates, decays and the schedule itself are
 * this trainer's. A gradient that was accumulated is forgotten. NOT_FOUND where there is no checkpoint,
 * DATA_LOSS where all are damaged, FAILED_PRECONDITION for one of another model, precision or numerics, UNIMPLEMENTED for a newer
 * format. Where it fails after the first byte was replaced, the trainer refuses further use until a resume succeeds. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_resume(hlm_trainer* trainer, const char* path, const hlm_resume_options* options,
                                                   char** out_json);

/* The checkpoints of a directory, newest first, by their manifests alone (resume verifies the rest): {"checkpoints": [{"path", "step",
 * "bytes", "numerics": {...}, "user_data"}], "damaged": [{"path", "reason"}]}. Both are empty for a directory that is missing. Caller
 * frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_checkpoint_list(const char* directory, char** out_json);

/* Counters since creation as a JSON object: bytes moved, waits by cause, arena bytes as allocated (equal to the plan's),
 * seconds by phase; docs/metrics.md lists the keys. Caller frees with hlm_string_destroy. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_metrics(hlm_trainer* trainer, char** out_json);

/* Starts recording a trace (forgetting an earlier one); hlm_trainer_trace_write ends it and writes it as Chrome/Perfetto JSON
 * with one lane for each stream and the optimizer. FAILED_PRECONDITION where none was started. Where the file cannot be written the trace
 * goes on, and can be written elsewhere. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_trace_start(hlm_trainer* trainer);
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_trace_write(hlm_trainer* trainer, const char* path);

/* Asks the call in progress, or the next one, to end with CANCELLED. Legal from any thread. A step, whatever accumulates, apply,
 * evaluations, logits and log-probabilities end so; what saves, resumes, reads or writes goes on to its end, and the next of those calls
 * ends instead. A step that is cancelled before
 * its first update changes nothing and drops its gradient; after that it completes. On the CPU it ends before its next operation on a
 * micro-batch, on a GPU before the next unit. Never fails; NULL is ignored. */
HLM_API void hlm_trainer_cancel(hlm_trainer* trainer);

/* Every later call that hlm_trainer_cancel ends is ended with DEADLINE_EXCEEDED, as by it, once it has run for this many seconds; 0: no
 * limit. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_set_deadline(hlm_trainer* trainer, double seconds);

/* Waits for pending updates. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_finish(hlm_trainer* trainer);

HLM_API void hlm_trainer_destroy(hlm_trainer* trainer);

/* ---- Log-probabilities, and losses made of them ------------------------------------------------------------------------ *
 *
 * Everywhere below an array [n_ids] belongs to the token at its place: its log-probability is that of the token *at* t given the
 * tokens of its document before it. (Tinker and verl index by the place that predicts, one earlier.) A document's first token, and
 * a token whose label is -100, has 0 and is never used.
 *
 * Log-probabilities that are seen inside a loss and those of hlm_trainer_logprobs are the same bits for the same batch and
 * numerics. The bits depend on which documents share a micro-batch; beyond rounding nothing depends on how documents are packed.
 *
 * Two ways lead to any loss on log-probabilities. Two calls: hlm_trainer_logprobs, then hlm_trainer_accumulate with weights[t] =
 * -dloss/dlogprob[t], entropy_weights[t] = dloss/dH[t] and denominator 1; it costs another forward pass. Or one of the accumulate
 * functions below: one forward pass, the head's products once more, one backward pass. Both give the same gradient, bit for bit.
 *
 * In the accumulate functions below, batch->weights say what a token counts in its document (a mask, as a rule: 0 for the prompt,
 * 1 for the answer; labels of -100 do the same), not what its gradient is multiplied with. batch->denominator and entropy_weights
 * are ignored. They add to what is accumulated, as hlm_trainer_accumulate does, and hlm_trainer_apply ends the step; options hold the
 * denominator of the whole step, so that a step may be cut into calls at will. All of them are FAILED_PRECONDITION under BACKWARD
 * timing. docs/objectives.md has the formulas. */

/* The weights of a trainer as they were at one moment. */
typedef struct hlm_weights hlm_weights;

/* Keeps the weights as they are now (after pending updates). Nothing is copied at once: a unit's bytes are, when it is about to
 * change. RESOURCE_EXHAUSTED where the plan's frozen_copies are all in use. Caller frees with hlm_weights_destroy, which may be
 * called after the trainer's end as well. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_keep_weights(hlm_trainer* trainer, hlm_weights** out_weights);
HLM_API void hlm_weights_destroy(hlm_weights* weights);

/* Log-probabilities of the labels, forward only; changes nothing. weights: NULL for the current ones, or what this trainer kept.
 * logprobs [n_ids]; entropies [n_ids], in nats, and greedy [n_ids], the log-probability of the likeliest token (equal to logprobs
 * where the label is that token), or NULL with 0. A batch of any size: it takes as many passes as needed, each of whole
 * micro-batches, and the results do not depend on it. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_logprobs(hlm_trainer* trainer, const hlm_weights* weights, const hlm_batch* batch,
                                                     float* logprobs, size_t n_logprobs, float* entropies, size_t n_entropies,
                                                     float* greedy, size_t n_greedy);

/* hlm_trainer_evaluate under kept weights; `weights` as above. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_evaluate_weights(hlm_trainer* trainer, const hlm_weights* weights,
                                                             const hlm_batch* batch, double* out_loss, int64_t* out_tokens);

/* sums[d] = sum over document d of weight * logprob in double and in order, tokens[d] = the sum of its weights; each [documents], or
 * NULL with 0. What the losses below do with log-probabilities first: reference sums made so give a first DPO loss of ln 2. */
HLM_API HLM_MUST_USE hlm_error* hlm_batch_sum_logprobs(const hlm_batch* batch, const float* logprobs, size_t n_logprobs, double* sums,
                                                       size_t n_sums, double* tokens, size_t n_tokens);

/* Pairs: documents 2i are preferred to documents 2i + 1. With s a document's sum, n its weights, r = s - reference, by pair
 * (w preferred, l the other), x = beta (r_w - r_l) - gamma, e = label_smoothing: */
#define HLM_PREFERENCE_SIGMOID 0      /* DPO: -(1-e) log sigmoid(x) - e log sigmoid(-x) */
#define HLM_PREFERENCE_ROBUST 1       /* (-(1-e) log sigmoid(x) + e log sigmoid(-x)) / (1-2e) */
#define HLM_PREFERENCE_HINGE 2        /* max(0, 1 - x) */
#define HLM_PREFERENCE_IPO 3          /* (r_w/n_w - r_l/n_l - 1/(2 beta))^2 */
#define HLM_PREFERENCE_SIGMOID_NORM 4 /* SIGMOID with r/n in place of r */
#define HLM_PREFERENCE_EXO_PAIR 5     /* KL of (sigmoid(beta (r_w - r_l)), 1 - ...) from (1-e, e); e 0 counts as 0.001 */
#define HLM_PREFERENCE_NCA_PAIR 6
#define HLM_PREFERENCE_BCO_PAIR 7
#define HLM_PREFERENCE_SPPO_HARD 8
#define HLM_PREFERENCE_APO_ZERO 9
#define HLM_PREFERENCE_APO_DOWN 10
#define HLM_PREFERENCE_ORPO 11        /* -s_w/n_w - beta log sigmoid(log odds ratio of exp(s/n)); no reference */
#define HLM_PREFERENCE_SIMPO 12       /* SIGMOID with s/n in place of r; no reference */

typedef struct hlm_preference_options {
  size_t struct_size;
  int32_t kind;             /* the form: HLM_PREFERENCE_...; default SIGMOID */
  int32_t reference_free;   /* 1: every reference is 0; default 0 */
  double beta;              /* above 0; default 0.1 */
  double gamma;             /* margin; default 0 */
  double label_smoothing;   /* in [0, 1), ROBUST [0, 0.5); default 0 */
  double sft_weight;        /* adds this times -s_w/n_w; default 0 (ORPO: this much more) */
  double sft_denominator;   /* above 0: adds it times -s_w / sft_denominator instead (tokens of the step); 0: as above */
  double denominator;       /* pairs of the whole step; 0: of this batch */
  const double* reference_sums;    /* [n_reference_sums] one a document; or NULL with 0 */
  size_t n_reference_sums;
  const float* reference_logprobs; /* [n_reference_logprobs] n_ids, as hlm_trainer_logprobs gives them; or NULL with 0 */
  size_t n_reference_logprobs;
  int64_t forward_only; /* 1: loss and metrics alone, by a forward pass: nothing is accumulated, any plan will do; default 0 */
} hlm_preference_options;
HLM_API void hlm_preference_options_init_sized(hlm_preference_options* options, size_t struct_size);
static inline void hlm_preference_options_init(hlm_preference_options* options) {
  hlm_preference_options_init_sized(options, sizeof(*options));
}

/* The loss is this batch's share of the step's; the others are means over the batch's pairs. A reward is beta r, with ORPO and
 * SIMPO beta s/n. */
typedef struct hlm_preference_metrics {
  size_t struct_size;
  double loss;
  double reward_chosen;
  double reward_rejected;
  double accuracy; /* share of pairs whose chosen reward is the larger one */
  double margin;
  double logprob_chosen; /* of s */
  double logprob_rejected;
  double sft;            /* of -s_w/n_w */
  int64_t pairs;
  int64_t tokens;        /* predicted */
} hlm_preference_metrics;
HLM_API void hlm_preference_metrics_init_sized(hlm_preference_metrics* metrics, size_t struct_size);
static inline void hlm_preference_metrics_init(hlm_preference_metrics* metrics) {
  hlm_preference_metrics_init_sized(metrics, sizeof(*metrics));
}

/* INVALID_ARGUMENT for an odd number of documents, and for one whose weights do not sum to more than 0. Both documents of a pair
 * need not share a micro-batch. options NULL: not with a kind that needs a reference. out_metrics may be NULL. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_accumulate_preference(hlm_trainer* trainer, const hlm_batch* batch,
                                                                  const hlm_preference_options* options,
                                                                  hlm_preference_metrics* out_metrics);

/* KTO: each document is desirable or not. loss = desirable_weight (1 - sigmoid(beta (r - kl))), or undesirable_weight
 * (1 - sigmoid(beta (kl - r))). */
typedef struct hlm_kto_options {
  size_t struct_size;
  double beta;               /* above 0; default 0.1 */
  double desirable_weight;   /* default 1 */
  double undesirable_weight; /* default 1 */
  double denominator;        /* documents of the whole step; 0: of this batch */
  double kl;                 /* not negative; used where `mismatched` is NULL; default 0 (then this is APO-zero) */
  const int32_t* desirable;  /* [n_desirable] one a document, 1 or 0 */
  size_t n_desirable;
  const double* reference_sums;    /* [n_reference_sums] one a document; or NULL with 0 and reference_logprobs */
  size_t n_reference_sums;
  const float* reference_logprobs; /* [n_reference_logprobs] n_ids; or NULL with 0 */
  size_t n_reference_logprobs;
  const hlm_batch* mismatched; /* prompts with other prompts' answers: kl = max(0, mean(s - reference)) over it, forward only; or NULL */
  const double* mismatched_sums; /* [n_mismatched_sums] the reference's, one a document of `mismatched` */
  size_t n_mismatched_sums;
  int64_t forward_only; /* 1: loss and metrics alone, by a forward pass: nothing is accumulated, any plan will do; default 0 */
  const hlm_weights* mismatched_weights; /* kept weights that are the reference of `mismatched`, in the place of mismatched_sums; NULL:
                                            those. In a group each process computes its share of them */
} hlm_kto_options;
HLM_API void hlm_kto_options_init_sized(hlm_kto_options* options, size_t struct_size);
static inline void hlm_kto_options_init(hlm_kto_options* options) { hlm_kto_options_init_sized(options, sizeof(*options)); }

typedef struct hlm_kto_metrics {
  size_t struct_size;
  double loss; /* this batch's share of the step's */
  double kl;   /* that was used */
  double reward_desirable; /* means over documents of the kind, 0 where there is none: beta r */
  double reward_undesirable;
  double logprob_desirable;
  double logprob_undesirable;
  int64_t desirable; /* documents */
  int64_t undesirable;
  int64_t tokens; /* predicted */
} hlm_kto_metrics;
HLM_API void hlm_kto_metrics_init_sized(hlm_kto_metrics* metrics, size_t struct_size);
static inline void hlm_kto_metrics_init(hlm_kto_metrics* metrics) { hlm_kto_metrics_init_sized(metrics, sizeof(*metrics)); }

/* `options` has `desirable` at least; out_metrics may be NULL. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_accumulate_kto(hlm_trainer* trainer, const hlm_batch* batch,
                                                           const hlm_kto_options* options, hlm_kto_metrics* out_metrics);

#define HLM_POLICY_CLIP 0  /* max(-A ratio, -A clip(ratio)) */
#define HLM_POLICY_CISPO 1 /* -A clip(ratio) logprob, with no gradient through the ratio */

#define HLM_RATIO_TOKEN 0    /* exp(logprob - old) */
#define HLM_RATIO_SEQUENCE 1 /* exp(mean over the document of logprob - old), for each of its tokens (GSPO) */

#define HLM_KL_K1 0  /* d = logprob - reference */
#define HLM_KL_K2 1  /* d^2 / 2 */
#define HLM_KL_K3 2  /* exp(-d) - 1 + d */
#define HLM_KL_ABS 3 /* |d| */

#define HLM_REDUCTION_TOKEN_MEAN 0    /* sum of weight * loss over tokens / tokens of the step */
#define HLM_REDUCTION_SEQUENCE_MEAN 1 /* mean over a document's tokens, sum over documents / documents of the step */
#define HLM_REDUCTION_SEQUENCE_SUM 2  /* sum over tokens / documents of the step (or any constant: Dr. GRPO) */

typedef struct hlm_policy_options {
  size_t struct_size;
  int32_t kind;          /* the form: HLM_POLICY_...; default CLIP */
  int32_t ratio;         /* of what: HLM_RATIO_...; default TOKEN */
  int32_t kl;            /* estimator of the divergence: HLM_KL_...; default K3 */
  int32_t reduction;     /* of tokens to a loss: HLM_REDUCTION_...; default TOKEN_MEAN */
  double clip_low;       /* ratios are clipped to [1 - clip_low, 1 + clip_high]; default 0.2; infinity: not on that side */
  double clip_high;      /* see clip_low; default 0.2 */
  double dual_clip;      /* above 1: with A < 0 the loss is at most -A dual_clip; 0: off (default) */
  double kl_weight;      /* adds this times the divergence; default 0; needs reference_logprobs */
  double importance_cap; /* caps exp(old - rollout); 0: no cap (default) */
  double entropy_weight; /* subtracts this times the entropy; default 0 */
  double denominator;    /* of the whole step: tokens (their weights) or documents, by `reduction`; 0: of this batch */
  const float* advantages;         /* [n_advantages] n_ids */
  size_t n_advantages;
  const float* old_logprobs;       /* [n_old_logprobs] n_ids; or NULL with 0: the current ones, every ratio is 1 */
  size_t n_old_logprobs;
  const float* reference_logprobs; /* [n_reference_logprobs] n_ids; or NULL with 0: no divergence */
  size_t n_reference_logprobs;
  const float* rollout_logprobs;   /* [n_rollout_logprobs] n_ids, the sampler's own: the policy term of a token is multiplied by
                                      exp(old - rollout), capped; or NULL with 0: 1 */
  size_t n_rollout_logprobs;
  int64_t forward_only; /* 1: loss and metrics alone, by a forward pass: nothing is accumulated, any plan will do; default 0 */
} hlm_policy_options;
HLM_API void hlm_policy_options_init_sized(hlm_policy_options* options, size_t struct_size);
static inline void hlm_policy_options_init(hlm_policy_options* options) {
  hlm_policy_options_init_sized(options, sizeof(*options));
}

/* The loss is this batch's share of the step's; the others are means over the batch's tokens by weight. */
typedef struct hlm_policy_metrics {
  size_t struct_size;
  double loss;
  double policy;      /* the term without its divergence and entropy */
  double kl;          /* by the estimator chosen; 0 without a reference */
  double entropy;     /* of the predictions */
  double ratio;
  double least_ratio;   /* 1 at most */
  double largest_ratio; /* 1 at least */
  double approx_kl;   /* of the old weights from the current ones, k3 */
  double clipped_low; /* shares of tokens whose gradient was cut off */
  double clipped_high;
  double clipped_dual;
  double importance;  /* exp(old - rollout), capped */
  double weight;      /* sum of the weights */
  int64_t tokens;     /* predicted */
} hlm_policy_metrics;
HLM_API void hlm_policy_metrics_init_sized(hlm_policy_metrics* metrics, size_t struct_size);
static inline void hlm_policy_metrics_init(hlm_policy_metrics* metrics) {
  hlm_policy_metrics_init_sized(metrics, sizeof(*metrics));
}

/* Differences of log-probabilities are limited to [-20, 20] before exp. `options` has `advantages` at least; out_metrics may be NULL. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_accumulate_policy(hlm_trainer* trainer, const hlm_batch* batch,
                                                              const hlm_policy_options* options, hlm_policy_metrics* out_metrics);

/* A loss of the caller's own: called between forward and backward, on the thread that called hlm_trainer_accumulate_fn, once or
 * several times in order, for documents [first_document, first_document + n_documents), whose n_tokens tokens begin at
 * batch->offsets[first_document]. Arrays [n_tokens], valid during the call: logprobs and entropies (NULL where they were not asked
 * for) go in; d_logprobs = dloss/dlogprob and d_entropies = dloss/dH, zero at first, and *loss, 0 at first, come out. No trainer may
 * be used inside: of this one every call is FAILED_PRECONDITION. Non-zero: the call ends with CANCELLED, and what was accumulated is dropped. */
typedef int32_t (*hlm_loss_fn)(void* user_data, int64_t first_document, int64_t n_documents, size_t n_tokens, const float* logprobs,
                               const float* entropies, float* d_logprobs, float* d_entropies, double* loss);

/* group: documents [k group, (k + 1) group) come in one call of `fn` (1: any; 2: pairs); n_documents: all of them. Where the plan's sweeps
 * do not allow that, a forward pass goes ahead, and `fn` is called once. entropies: 1 to have them. out_loss and out_tokens may be NULL. */
HLM_API HLM_MUST_USE hlm_error* hlm_trainer_accumulate_fn(hlm_trainer* trainer, const hlm_batch* batch, int64_t group,
                                                          int32_t entropies, hlm_loss_fn fn, void* user_data, double* out_loss,
                                                          int64_t* out_tokens);

/* ---- Optimizer on the caller's arrays -------------------------------------------------------------------------------- */

/* The host-side optimizer alone, for arrays of the caller's. One handle owns a pool of threads. */
typedef struct hlm_optimizer hlm_optimizer;

typedef struct hlm_optimizer_options {
  size_t struct_size;
  double beta1, beta2, eps, weight_decay; /* defaults as in hlm_trainer_options */
  int64_t threads;                        /* at most 1024; 0: as many as the process may use */
  int32_t algorithm;                      /* how a step changes the weights: HLM_OPTIMIZER_...; default ADAMW */
  int32_t states;                         /* how moments are stored, not AUTO: HLM_STATES_...; default F32 */
  int32_t optimizer_path;                 /* what an update is made of: HLM_PATH_...; default AUTO, which is FUSED here */
  int32_t reserved;                       /* 0 */
} hlm_optimizer_options;
HLM_API void hlm_optimizer_options_init_sized(hlm_optimizer_options* options, size_t struct_size);
static inline void hlm_optimizer_options_init(hlm_optimizer_options* options) {
  hlm_optimizer_options_init_sized(options, sizeof(*options));
}

/* `options` may be NULL. */
HLM_API HLM_MUST_USE hlm_error* hlm_optimizer_create(const hlm_optimizer_options* options, hlm_optimizer** out_optimizer);

/* The arrays of one update, n elements each; borrowed for the call. None may overlap another.
 *   master   one of: `weight`; `weight_bf16` with `remainder`, the exact split of an fp32 weight (docs/numerics.md;
 *            hlm_optimizer_split makes it); `weight_bf16` alone, which has no exact master and is rounded stochastically.
 *   moments  zero before the first step. With HLM_STATES_F32 first_moment and second_moment; with BF16 and INT8
 *            first_moment_packed and second_moment_packed, 2 bytes or 1 byte an element, and with INT8 their scales.
 *            Members of the other form, and the second moment of SGD and LION, must be NULL. */
typedef struct hlm_optimizer_arrays {
  size_t struct_size;
  int64_t n;
  float* weight;
  uint16_t* weight_bf16;
  uint16_t* remainder;
  float* first_moment;
  float* second_moment;
  const void* gradient;
  int32_t gradient_dtype; /* HLM_DTYPE_F32 (default) or HLM_DTYPE_BF16 */
  int32_t decay;          /* 1 (default): apply weight decay; 0: none */
  void* first_moment_packed;
  void* second_moment_packed;
  float* first_scales;    /* [ceil(n / 256)] */
  float* second_scales;   /* [ceil(n / 256)] */
  int64_t first_index;    /* of element 0 among all elements of a model: stochastic rounding counts from it. A multiple of 256.
                             Arrays of one step should have their own ranges, or they are rounded by the same random numbers */
  int64_t seed;           /* of stochastic rounding, together with `step`; default 0, which gives the trainer's bits */
} hlm_optimizer_arrays;
HLM_API void hlm_optimizer_arrays_init_sized(hlm_optimizer_arrays* arrays, size_t struct_size);
static inline void hlm_optimizer_arrays_init(hlm_optimizer_arrays* arrays) {
  hlm_optimizer_arrays_init_sized(arrays, sizeof(*arrays));
}

/* One update, in one pass over memory. step counts from 1 (bias correction); the gradient is multiplied by gradient_scale first
 * (clipping). lr and gradient_scale are finite and not negative. The same bits for any number of threads, any instruction set, and any
 * cut of the arrays at multiples of 256. An element of the gradient that is not finite makes its weight and moments NaN or infinite, with
 * INT8 the moments of its block of 256: ask hlm_optimizer_squared_norm first. */
HLM_API HLM_MUST_USE hlm_error* hlm_optimizer_step(hlm_optimizer* optimizer, int64_t step, double lr, double gradient_scale,
                                                   const hlm_optimizer_arrays* arrays);

/* The size of one moment of n elements: kind is HLM_TENSOR_FIRST_MOMENT or HLM_TENSOR_SECOND_MOMENT. Bytes of the moment itself
 * and the number of its scales (0 but for INT8); both are 0 for a moment that the algorithm does not have. */
HLM_API HLM_MUST_USE hlm_error* hlm_optimizer_state_size(const hlm_optimizer* optimizer, int32_t kind, int64_t n, size_t* out_bytes,
                                                         int64_t* out_scales);

/* n elements of a moment as floats, to look at or to store, and back: bf16 is rounded to nearest even, INT8 to the nearest code of
 * scales that are set anew. `moment` and `scales` are as in hlm_optimizer_arrays, element 0 first in its block; scales is NULL but for
 * INT8. INVALID_ARGUMENT for a moment that the algorithm does not have, and for values that are not finite (or, of a second moment,
 * negative): nothing is written then. What was written reads back the same, and writing it again changes nothing. */
HLM_API HLM_MUST_USE hlm_error* hlm_optimizer_read_state(const hlm_optimizer* optimizer, int32_t kind, int64_t n, const void* moment,
                                                         const float* scales, float* values);
HLM_API HLM_MUST_USE hlm_error* hlm_optimizer_write_state(const hlm_optimizer* optimizer, int32_t kind, int64_t n, const float* values,
                                                          void* moment, float* scales);

/* sum += gradient, n elements; a bf16 sum is rounded stochastically by a counter of (seed, element). */
HLM_API HLM_MUST_USE hlm_error* hlm_optimizer_accumulate(hlm_optimizer* optimizer, int64_t n, void* sum, int32_t sum_dtype,
                                                         const void* gradient, int32_t gradient_dtype, int64_t seed);

/* The sum of squares in double, in a fixed order: the same bits for any number of threads. Not finite where an element is not. */
HLM_API HLM_MUST_USE hlm_error* hlm_optimizer_squared_norm(hlm_optimizer* optimizer, int64_t n, const void* gradient,
                                                           int32_t gradient_dtype, double* out_sum);

/* fp32 to the exact split and back. */
HLM_API HLM_MUST_USE hlm_error* hlm_optimizer_split(hlm_optimizer* optimizer, int64_t n, const float* weight,
                                                    uint16_t* weight_bf16, uint16_t* remainder);
HLM_API HLM_MUST_USE hlm_error* hlm_optimizer_join(hlm_optimizer* optimizer, int64_t n, const uint16_t* weight_bf16,
                                                   const uint16_t* remainder, float* weight);

HLM_API void hlm_optimizer_destroy(hlm_optimizer* optimizer);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* HORIZON_LM_H_ */

