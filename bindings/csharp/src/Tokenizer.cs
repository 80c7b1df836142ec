using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using HorizonLM.Internal;

namespace HorizonLM {
  /// <summary>The ids of a text and where each comes from.</summary>
  public sealed class LocatedIds {
    internal LocatedIds(int[] ids, long[] offsets) {
      Ids = ids;
      Offsets = offsets;
    }

    /// <summary>The ids.</summary>
    public int[] Ids { get; private set; }

    /// <summary>Begin and end of each id's text, by turns; 0 and 0 for a special token that was added.</summary>
    public long[] Offsets { get; private set; }
  }

  /// <summary>Text to token ids and back, as a Hugging Face tokenizer.json says. Any number of threads may use one at the same time.</summary>
  public sealed class Tokenizer : Handle {
    private static readonly EncodeOptions Defaults = new EncodeOptions();

    private Tokenizer(IntPtr box) : base(box, Native.hlm_tokenizer_close, Native.hlm_tokenizer_closed, Native.hlm_tokenizer_release) {}

    /// <summary>Opens a folder with tokenizer.json, or the file. NotFound where there is none, InvalidArgument naming file and byte for damaged ones,
    /// Unimplemented naming a component that is not known.</summary>
    public static Tokenizer Open(string path) {
      Library.Load();
      IntPtr box;
      Native.hlm_tokenizer_open(Text.Encode(path, nameof(path)), out box);
      return new Tokenizer(box);
    }

    /// <summary>What it is: "model", "vocab_size", "max_id", "special_tokens", "content_hash" and more.</summary>
    public IReadOnlyDictionary<string, object> Describe() {
      IntPtr text;
      Native.hlm_tokenizer_describe(Box, out text);
      return Json.Object(Text.Take(text));
    }

    internal override string About() {
      var about = Describe();
      return about["model"] + ", " + Count(about["vocab_size"], "token");
    }

    /// <summary>The ids of a text.</summary>
    public int[] Encode(string text, EncodeOptions options = null) {
      return Encode(text, options, false).Ids;
    }

    /// <summary>The ids of a text and where each comes from: in UTF-16, as string counts, where OffsetsIn does not say otherwise.</summary>
    public LocatedIds EncodeWithOffsets(string text, EncodeOptions options = null) {
      return Encode(text, options, true);
    }

    private LocatedIds Encode(string text, EncodeOptions options, bool located) {
      byte[] bytes = Text.Utf8(text, nameof(text));
      EncodeOptions own = options ?? Defaults;
      int room = checked(bytes.Length + 16);
      var ids = new int[room];
      var offsets = located ? new long[checked(2 * room)] : null;
      long n = 0;
      Options.With(own, native => {
        try {
          Native.hlm_tokenizer_encode(Box, bytes, native, own.Plain, ids, offsets, out n);
        } catch (HorizonLMException error) when (error.Code == Code.OutOfRange) {  // a normalizer that makes texts longer
          Native.hlm_tokenizer_encode(Box, bytes, native, own.Plain, null, null, out n);
          ids = new int[n];
          offsets = located ? new long[2 * n] : null;
          Native.hlm_tokenizer_encode(Box, bytes, native, own.Plain, ids, offsets, out n);
        }
      });
      Array.Resize(ref ids, (int)n);
      if (located) Array.Resize(ref offsets, (int)(2 * n));
      return new LocatedIds(ids, offsets);
    }

    /// <summary>The text of ids. Bytes that make no characters become U+FFFD.</summary>
    public string Decode(int[] ids, bool skipSpecialTokens = false) {
      Arguments.Given(ids, nameof(ids));
      SizedText text;
      Native.hlm_tokenizer_decode(Box, ids, skipSpecialTokens ? 1 : 0, out text);
      return text.Take();
    }

    /// <summary>The token as the file spells it. NotFound for an id that stands for nothing.</summary>
    public string Token(int id) {
      SizedText text;
      Native.hlm_tokenizer_token(Box, id, out text);
      return text.Take();
    }

    /// <summary>The id of a token, spelled so. NotFound where there is none.</summary>
    public int Id(string token) {
      int id;
      Native.hlm_tokenizer_id(Box, Text.Utf8(token, nameof(token)), out id);
      return id;
    }

    /// <summary>Begins a text that comes id by id.</summary>
    public Decoder Decoder(bool skipSpecialTokens = false) {
      IntPtr box;
      Native.hlm_decoder_create(Box, skipSpecialTokens ? 1 : 0, out box);
      return new Decoder(box);
    }
  }

  /// <summary>A text that comes id by id. Made by Tokenizer.Decoder, which it outlives.</summary>
  public sealed class Decoder : Handle {
    internal Decoder(IntPtr box) : base(box, Native.hlm_decoder_close, Native.hlm_decoder_closed, Native.hlm_decoder_release) {}

    /// <summary>The text that further ids complete; "" in the midst of a character.</summary>
    public string Push(params int[] ids) {
      Arguments.Given(ids, nameof(ids));
      SizedText text;
      Native.hlm_decoder_push(Box, ids, out text);
      return text.Take();
    }

    /// <summary>What is left; a character that is not whole becomes U+FFFD.</summary>
    public string Finish() {
      SizedText text;
      Native.hlm_decoder_finish(Box, out text);
      return text.Take();
    }
  }

  /// <summary>The chat templates of a model (Jinja, as Hugging Face renders them). Any number of threads may render from one at the same time.</summary>
  public sealed class Template : Handle {
    private Template(IntPtr box) : base(box, Native.hlm_template_close, Native.hlm_template_closed, Native.hlm_template_release) {}

    /// <summary>The templates of a model's folder, a tokenizer_config.json, or a file that holds a template.</summary>
    public static Template Open(string path) {
      Library.Load();
      IntPtr box;
      Native.hlm_template_open(Text.Encode(path, nameof(path)), out box);
      return new Template(box);
    }

    /// <summary>A template from its text.</summary>
    public static Template Create(string text) {
      Library.Load();
      IntPtr box;
      Native.hlm_template_create(Text.Encode(text, nameof(text)), out box);
      return new Template(box);
    }

    /// <summary>The same templates with the tokens of a tokenizer, as a folder with both has them; Dataset.Open does it with what it is given. For a
    /// template of a file or a text: its bos_token and the like are the tokenizer's, and trained turns end where generation does.</summary>
    public Template WithTokenizer(Tokenizer tokenizer) {
      IntPtr box;
      Native.hlm_template_with_tokenizer(Box, Of(tokenizer, nameof(tokenizer)), out box);
      return new Template(box);
    }

    /// <summary>What there is: "names", "generation", "special_tokens", "added_tokens", "stop_tokens".</summary>
    public IReadOnlyDictionary<string, object> Describe() {
      IntPtr text;
      Native.hlm_template_describe(Box, out text);
      return Json.Object(Text.Take(text));
    }

    /// <summary>The text of a conversation, an array of {"role", "content", ...}. It holds its special tokens: encode it with AddSpecialTokens = false.
    /// InvalidArgument for what the template raises, ResourceExhausted where a limit is reached.</summary>
    public string Render(string messagesJson, TemplateOptions options = null) {
      byte[] messages = Text.Encode(messagesJson, nameof(messagesJson));
      IntPtr text = IntPtr.Zero;
      Options.With(options, own => Native.hlm_template_render(Box, messages, own, out text));
      return Text.Take(text);
    }

    /// <summary>A conversation for training: "method" and "sequences", each with "text", "trained" (ranges in bytes of its UTF-8) and more. InvalidArgument
    /// where what is trained cannot be proved.</summary>
    public IReadOnlyDictionary<string, object> RenderTraining(string messagesJson, TemplateOptions options = null) {
      byte[] messages = Text.Encode(messagesJson, nameof(messagesJson));
      IntPtr text = IntPtr.Zero;
      Options.With(options, own => Native.hlm_template_render_training(Box, messages, own, out text));
      return Json.Object(Text.Take(text));
    }
  }
}
