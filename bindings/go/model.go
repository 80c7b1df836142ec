package horizonlm

import (
	"runtime"

	"horizonlm/internal/native"
)

// Model is a model: its mathematics and where its weights come from. It holds no weights; a Trainer loads them.
type Model struct{ box uintptr }

func newModel(box uintptr) *Model {
	m := &Model{box}
	runtime.SetFinalizer(m, func(m *Model) { native.Hlm_model_free(m.box) })
	return m
}

// OpenModel opens a Hugging Face folder: config.json and safetensors. NotFound for missing files, Unimplemented for an architecture that
// is not known, InvalidArgument or DataLoss for damaged files.
func OpenModel(folder string) (*Model, error) {
	if err := checkVersion(); err != nil {
		return nil, err
	}
	if err := checkText("folder", folder); err != nil {
		return nil, err
	}
	var box uintptr
	if err := native.Hlm_model_open(folder, &box); err != nil {
		return nil, err
	}
	return newModel(box), nil
}

// CreateModel makes a model of the text of a config.json, with weights drawn from a seed.
func CreateModel(configJSON string, seed int64) (*Model, error) {
	if err := checkVersion(); err != nil {
		return nil, err
	}
	if err := checkText("configJSON", configJSON); err != nil {
		return nil, err
	}
	var box uintptr
	if err := native.Hlm_model_create(configJSON, seed, &box); err != nil {
		return nil, err
	}
	return newModel(box), nil
}

// Close frees the model. It may be called more than once.
func (m *Model) Close() error {
	defer runtime.KeepAlive(m)
	return native.Hlm_model_close(m.handle())
}

// String says what it is in a line: "Model: LlamaForCausalLM, 19,616 parameters", "Model, closed", "<nil>". It never fails.
func (m *Model) String() string {
	defer runtime.KeepAlive(m)
	return line("Model", m.handle(), native.Hlm_model_closed, func() (string, error) {
		info, err := m.Describe()
		return info.Architecture + ", " + count(info.Parameters, "parameter"), err
	})
}

// WithText is the model with other words: what is saved of it, or of a Trainer of it, has the tokenizer, the chat templates and the ids that end
// a generation given here. options may be nil.
func (m *Model) WithText(options *TextOptions) (*Model, error) {
	defer runtime.KeepAlive(m)
	var box uintptr
	err := withOptions(native.NewHlm_text_options, native.DeleteHlm_text_options, options, func(own native.Hlm_text_options) error {
		return native.Hlm_model_with_text(m.handle(), own, &box)
	})
	if err != nil {
		return nil, err
	}
	return newModel(box), nil
}

// TensorInfo is the name, the shape and the unit of a tensor.
type TensorInfo struct {
	Name  string  `json:"name"`
	Shape []int64 `json:"shape"`
	Unit  string  `json:"unit"`
}

// ModelInfo is what a model is; JSON holds the rest.
type ModelInfo struct {
	Architecture string       `json:"architecture"`
	Parameters   int64        `json:"parameters"`
	VocabSize    int64        `json:"vocab_size"`
	Tensors      []TensorInfo `json:"tensors"`
}

// Describe says what the model is.
func (m *Model) Describe() (ModelInfo, error) {
	defer runtime.KeepAlive(m)
	var info ModelInfo
	var text uintptr
	if err := native.Hlm_model_describe(m.handle(), &text); err != nil {
		return info, err
	}
	return info, parse(text, &info)
}

// JSON is everything that Describe says and more, as the library's own text.
func (m *Model) JSON() (string, error) {
	defer runtime.KeepAlive(m)
	var text uintptr
	if err := native.Hlm_model_describe(m.handle(), &text); err != nil {
		return "", err
	}
	return takeText(text), nil
}

// Save writes the model with its original weights as a Hugging Face folder. options may be nil. AlreadyExists where the folder is not empty.
func (m *Model) Save(folder string, options *SaveOptions) error {
	defer runtime.KeepAlive(m)
	if err := checkText("folder", folder); err != nil {
		return err
	}
	return withOptions(native.NewHlm_save_options, native.DeleteHlm_save_options, options, func(own native.Hlm_save_options) error {
		return native.Hlm_model_save(m.handle(), folder, own)
	})
}

// CheckSave gives the bytes that Save, or Trainer.SaveModel, will take, and before a training the error that they would give after it. It writes
// nothing. options may be nil.
func (m *Model) CheckSave(folder string, options *SaveOptions) (int64, error) {
	defer runtime.KeepAlive(m)
	if err := checkText("folder", folder); err != nil {
		return 0, err
	}
	var bytes int64
	err := withOptions(native.NewHlm_save_options, native.DeleteHlm_save_options, options, func(own native.Hlm_save_options) error {
		return native.Hlm_model_check_save(m.handle(), folder, own, &bytes)
	})
	return bytes, err
}

// handle is 0, which is refused by name, for a nil or zero Model.
func (m *Model) handle() uintptr {
	if m == nil {
		return 0
	}
	return m.box
}
