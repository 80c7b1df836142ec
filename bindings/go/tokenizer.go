package horizonlm

import (
	"errors"
	"runtime"

	"horizonlm/internal/native"
)

// Tokenizer is text to token ids and back, as a Hugging Face tokenizer.json says. Any number of goroutines may use one at the same time.
type Tokenizer struct{ box uintptr }

// OpenTokenizer opens a folder with tokenizer.json, or the file. NotFound where there is none, InvalidArgument naming file and byte for damaged
// ones, Unimplemented naming a component that is not known.
func OpenTokenizer(path string) (*Tokenizer, error) {
	if err := checkVersion(); err != nil {
		return nil, err
	}
	if err := checkText("path", path); err != nil {
		return nil, err
	}
	var box uintptr
	if err := native.Hlm_tokenizer_open(path, &box); err != nil {
		return nil, err
	}
	t := &Tokenizer{box}
	runtime.SetFinalizer(t, func(t *Tokenizer) { native.Hlm_tokenizer_free(t.box) })
	return t, nil
}

// Close frees the tokenizer. It may be called more than once.
func (t *Tokenizer) Close() error {
	defer runtime.KeepAlive(t)
	return native.Hlm_tokenizer_close(t.handle())
}

// String says what it is in a line. It never fails.
func (t *Tokenizer) String() string {
	defer runtime.KeepAlive(t)
	return line("Tokenizer", t.handle(), native.Hlm_tokenizer_closed, func() (string, error) {
		info, err := t.Describe()
		return info.Model + ", " + count(info.VocabSize, "token"), err
	})
}

// TokenizerInfo is what a tokenizer is; JSON holds the rest.
type TokenizerInfo struct {
	Model         string         `json:"model"`
	VocabSize     int64          `json:"vocab_size"`
	MaxID         int64          `json:"max_id"` // a model has at least one row more
	SpecialTokens map[string]any `json:"special_tokens"`
	ContentHash   string         `json:"content_hash"`
}

// Describe says what the tokenizer is.
func (t *Tokenizer) Describe() (TokenizerInfo, error) {
	defer runtime.KeepAlive(t)
	var info TokenizerInfo
	var text uintptr
	if err := native.Hlm_tokenizer_describe(t.handle(), &text); err != nil {
		return info, err
	}
	return info, parse(text, &info)
}

// JSON is everything that Describe says and more, as the library's own text.
func (t *Tokenizer) JSON() (string, error) {
	defer runtime.KeepAlive(t)
	var text uintptr
	if err := native.Hlm_tokenizer_describe(t.handle(), &text); err != nil {
		return "", err
	}
	return takeText(text), nil
}

// OffsetUnit is what offsets into a text count.
type OffsetUnit int32

// The units of offsets.
const (
	OffsetsInBytes      = OffsetUnit(native.HLM_OFFSETS_BYTES + 1) // as Go's strings count
	OffsetsInCharacters = OffsetUnit(native.HLM_OFFSETS_CHARACTERS + 1)
	OffsetsInUTF16      = OffsetUnit(native.HLM_OFFSETS_UTF16 + 1)
)

// Encode is the ids of a text; options may be nil. InvalidArgument naming the byte where it is not UTF-8.
func (t *Tokenizer) Encode(text string, options *EncodeOptions) ([]int32, error) {
	ids, _, err := t.encode(text, options, false)
	return ids, err
}

// EncodeWithOffsets is the ids of a text, and begin and end of each in it, by turns; 0 and 0 for a special token that was added.
func (t *Tokenizer) EncodeWithOffsets(text string, options *EncodeOptions) (ids []int32, offsets []int64, err error) {
	return t.encode(text, options, true)
}

func (t *Tokenizer) encode(text string, options *EncodeOptions, located bool) ([]int32, []int64, error) {
	defer runtime.KeepAlive(t)
	var plain []int64
	if options != nil {
		plain = options.Plain
	}
	var ids []int32
	var offsets []int64
	var count int64
	err := withOptions(native.NewHlm_encode_options, native.DeleteHlm_encode_options, options, func(own native.Hlm_encode_options) error {
		fill := func(room int) error {
			ids, offsets = make([]int32, room), nil
			if located {
				offsets = make([]int64, 2*room)
			}
			return native.Hlm_tokenizer_encode(t.handle(), text, own, plain, ids, offsets, &count)
		}
		err := fill(len(text) + 16)
		var failure *Error
		if errors.As(err, &failure) && failure.Code == OutOfRange { // a normalizer that makes texts longer
			if err = native.Hlm_tokenizer_encode(t.handle(), text, own, plain, nil, nil, &count); err == nil {
				err = fill(int(count))
			}
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	// Without the room that was not needed.
	ids = append(make([]int32, 0, count), ids[:count]...)
	if located {
		offsets = append(make([]int64, 0, 2*count), offsets[:2*count]...)
	}
	return ids, offsets, nil
}

// Decode is the text of ids. Bytes that make no characters become U+FFFD.
func (t *Tokenizer) Decode(ids []int32, skipSpecialTokens bool) (string, error) {
	defer runtime.KeepAlive(t)
	var text uintptr
	var n int64
	if err := native.Hlm_tokenizer_decode(t.handle(), ids, boolean(skipSpecialTokens), &text, &n); err != nil {
		return "", err
	}
	return takeBytes(text, n), nil
}

// Token is a token as the file spells it. NotFound for an id that stands for nothing.
func (t *Tokenizer) Token(id int32) (string, error) {
	defer runtime.KeepAlive(t)
	var text uintptr
	var n int64
	if err := native.Hlm_tokenizer_token(t.handle(), id, &text, &n); err != nil {
		return "", err
	}
	return takeBytes(text, n), nil
}

// ID is the id of a token, spelled so. NotFound where there is none.
func (t *Tokenizer) ID(token string) (int32, error) {
	defer runtime.KeepAlive(t)
	var id int32
	err := native.Hlm_tokenizer_id(t.handle(), token, &id)
	return id, err
}

func (t *Tokenizer) handle() uintptr {
	if t == nil {
		return 0
	}
	return t.box
}

// Decoder decodes ids as they are generated. The texts of Push and Finish, one behind the other, are what Decode makes of all ids.
type Decoder struct{ box uintptr }

// NewDecoder makes a decoder. The tokenizer may be closed before it.
func NewDecoder(tokenizer *Tokenizer, skipSpecialTokens bool) (*Decoder, error) {
	defer runtime.KeepAlive(tokenizer)
	var box uintptr
	if err := native.Hlm_decoder_create(tokenizer.handle(), boolean(skipSpecialTokens), &box); err != nil {
		return nil, err
	}
	d := &Decoder{box}
	runtime.SetFinalizer(d, func(d *Decoder) { native.Hlm_decoder_free(d.box) })
	return d, nil
}

// Close frees the decoder. It may be called more than once.
func (d *Decoder) Close() error {
	defer runtime.KeepAlive(d)
	return native.Hlm_decoder_close(d.handle())
}

// String says what it is in a line. It never fails.
func (d *Decoder) String() string {
	defer runtime.KeepAlive(d)
	return line("Decoder", d.handle(), native.Hlm_decoder_closed, nil)
}

// Push is the text that these ids complete: whole characters, often "".
func (d *Decoder) Push(ids ...int32) (string, error) {
	defer runtime.KeepAlive(d)
	var text uintptr
	var n int64
	if err := native.Hlm_decoder_push(d.handle(), ids, &text, &n); err != nil {
		return "", err
	}
	return takeBytes(text, n), nil
}

// Finish is what is left; then the decoder is as new.
func (d *Decoder) Finish() (string, error) {
	defer runtime.KeepAlive(d)
	var text uintptr
	var n int64
	if err := native.Hlm_decoder_finish(d.handle(), &text, &n); err != nil {
		return "", err
	}
	return takeBytes(text, n), nil
}

func (d *Decoder) handle() uintptr {
	if d == nil {
		return 0
	}
	return d.box
}
