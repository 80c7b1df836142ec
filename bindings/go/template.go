package horizonlm

import (
	"encoding/json"
	"runtime"

	"horizonlm/internal/native"
)

// Template is the chat templates of a model (Jinja, as Hugging Face renders them). Any number of goroutines may render from one at the same time.
type Template struct{ box uintptr }

// OpenTemplate opens the templates of a model's folder, a tokenizer_config.json, or a file that holds a template. NotFound where there is
// none, InvalidArgument naming the line for what is no template, Unimplemented naming what the library lacks.
func OpenTemplate(path string) (*Template, error) {
	return newTemplate("path", path, native.Hlm_template_open)
}

// CreateTemplate makes a template of its text.
func CreateTemplate(text string) (*Template, error) {
	return newTemplate("text", text, native.Hlm_template_create)
}

func newTemplate(name, text string, create func(string, *uintptr) error) (*Template, error) {
	if err := checkVersion(); err != nil {
		return nil, err
	}
	if err := checkText(name, text); err != nil {
		return nil, err
	}
	var box uintptr
	if err := create(text, &box); err != nil {
		return nil, err
	}
	return ownTemplate(box), nil
}

func ownTemplate(box uintptr) *Template {
	t := &Template{box}
	runtime.SetFinalizer(t, func(t *Template) { native.Hlm_template_free(t.box) })
	return t
}

// WithTokenizer is the same templates with the tokens of a tokenizer, as a folder with both has them; OpenDataset does it with what it is given.
// For a template of a file or a text: its bos_token and the like are the tokenizer's, and trained turns end where generation does.
func (t *Template) WithTokenizer(tokenizer *Tokenizer) (*Template, error) {
	defer runtime.KeepAlive(t)
	defer runtime.KeepAlive(tokenizer)
	var box uintptr
	if err := native.Hlm_template_with_tokenizer(t.handle(), tokenizer.handle(), &box); err != nil {
		return nil, err
	}
	return ownTemplate(box), nil
}

// Close frees the template. It may be called more than once.
func (t *Template) Close() error {
	defer runtime.KeepAlive(t)
	return native.Hlm_template_close(t.handle())
}

// String says what it is in a line. It never fails.
func (t *Template) String() string {
	defer runtime.KeepAlive(t)
	return line("Template", t.handle(), native.Hlm_template_closed, nil)
}

// TemplateInfo is what there is of templates.
type TemplateInfo struct {
	Names         []string       `json:"names"`
	Generation    []string       `json:"generation"` // names of those that mark what is trained
	SpecialTokens map[string]any `json:"special_tokens"`
	AddedTokens   []string       `json:"added_tokens"`
	StopTokens    []string       `json:"stop_tokens"`
}

// Describe says what there is.
func (t *Template) Describe() (TemplateInfo, error) {
	defer runtime.KeepAlive(t)
	var info TemplateInfo
	var text uintptr
	if err := native.Hlm_template_describe(t.handle(), &text); err != nil {
		return info, err
	}
	return info, parse(text, &info)
}

// TrainOn is what of a conversation is trained.
type TrainOn int32

// What is trained.
const (
	TrainOnAssistant  = TrainOn(native.HLM_TRAIN_ON_ASSISTANT + 1)  // every message of role "assistant"
	TrainOnLast       = TrainOn(native.HLM_TRAIN_ON_LAST + 1)       // the last of these
	TrainOnCompletion = TrainOn(native.HLM_TRAIN_ON_COMPLETION + 1) // those of these behind the prompt
	TrainOnAll        = TrainOn(native.HLM_TRAIN_ON_ALL + 1)
)

// Mask is how what is trained is found.
type Mask int32

// The masks.
const (
	MaskAuto   = Mask(native.HLM_MASK_AUTO + 1)
	MaskTags   = Mask(native.HLM_MASK_TAGS + 1)
	MaskSpans  = Mask(native.HLM_MASK_SPANS + 1)
	MaskUnroll = Mask(native.HLM_MASK_UNROLL + 1)
)

// Render is the text of a conversation: messages is its JSON in a string, or what json.Marshal makes an array of {"role", "content", ...}. options may
// be nil. InvalidArgument for what the template raises, ResourceExhausted where a limit is reached. The text holds its special tokens: encode it
// without adding any.
func (t *Template) Render(messages any, options *TemplateOptions) (string, error) {
	return t.render(messages, options, native.Hlm_template_render)
}

// Training is a conversation for training.
type Training struct {
	Method    string             `json:"method"` // "tags", "spans", "unroll", "all"
	Sequences []TrainingSequence `json:"sequences"`
}

// TrainingSequence is a text and what of it is trained. Ranges are in bytes, rising.
type TrainingSequence struct {
	Text        string     `json:"text"`
	Trained     [][2]int64 `json:"trained"`
	Messages    []int64    `json:"messages"` // the message of each trained range
	Input       [][2]int64 `json:"input"`    // what came from the caller and not from the template
	WithoutStop int64      `json:"without_stop"`
	Dropped     []Dropped  `json:"dropped"`      // what trained messages say and the template leaves out
	UnrollKeeps int64      `json:"unroll_keeps"` // characters of it that MaskUnroll would train
}

// Dropped counts characters other than white space of a message's "content", "reasoning" or "tool_calls".
type Dropped struct {
	Message    int64  `json:"message"`
	Field      string `json:"field"`
	Characters int64  `json:"characters"`
}

// RenderTraining renders a conversation and says what of it is trained. InvalidArgument where that cannot be proved.
func (t *Template) RenderTraining(messages any, options *TemplateOptions) (Training, error) {
	var training Training
	text, err := t.render(messages, options, native.Hlm_template_render_training)
	if err != nil {
		return training, err
	}
	if err := json.Unmarshal([]byte(text), &training); err != nil {
		return training, errorf(Internal, "the library's JSON cannot be read: %v", err)
	}
	return training, nil
}

func (t *Template) render(messages any, options *TemplateOptions, call func(uintptr, string, native.Hlm_template_options, *uintptr) error) (string, error) {
	defer runtime.KeepAlive(t)
	given, is := messages.(string)
	if !is {
		encoded, err := json.Marshal(messages)
		if err != nil {
			return "", errorf(InvalidArgument, "the messages are no JSON: %v", err)
		}
		given = string(encoded)
	}
	if err := checkText("messages", given); err != nil {
		return "", err
	}
	var text uintptr
	err := withOptions(native.NewHlm_template_options, native.DeleteHlm_template_options, options, func(own native.Hlm_template_options) error {
		return call(t.handle(), given, own, &text)
	})
	if err != nil {
		return "", err
	}
	return takeText(text), nil
}

func (t *Template) handle() uintptr {
	if t == nil {
		return 0
	}
	return t.box
}
