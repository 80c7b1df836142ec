using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace HorizonLM {
  /// <summary>Reads the JSON that the library writes: dictionaries, lists, strings, long, double, bool and null.</summary>
  internal sealed class Json {
    private readonly string text;
    private int at;

    private Json(string text) {
      this.text = text;
    }

    /// <summary>The object that a text of the library's is.</summary>
    internal static IReadOnlyDictionary<string, object> Object(string text) {
      return (IReadOnlyDictionary<string, object>)Read(text);
    }

    /// <summary>The value that a text is. HorizonLMException (Internal) for what is no JSON.</summary>
    internal static object Read(string text) {
      var json = new Json(text);
      object value = json.Value();
      json.Space();
      if (json.at != text.Length) throw json.Wrong();
      return value;
    }

    private HorizonLMException Wrong() {
      return new HorizonLMException(Code.Internal, "the library's JSON cannot be read at character " + at);
    }

    private void Space() {
      while (at < text.Length && " \t\r\n".IndexOf(text[at]) >= 0) ++at;
    }

    private bool Take(char wanted) {
      Space();
      if (at == text.Length || text[at] != wanted) return false;
      ++at;
      return true;
    }

    private void Expect(char wanted) {
      if (!Take(wanted)) throw Wrong();
    }

    private object Value() {
      Space();
      if (at == text.Length) throw Wrong();
      switch (text[at]) {
        case '{': return Members();
        case '[': return Elements();
        case '"': return String();
      }
      int begin = at;
      while (at < text.Length && ",]} \t\r\n".IndexOf(text[at]) < 0) ++at;
      string word = text.Substring(begin, at - begin);
      switch (word) {
        case "true": return true;
        case "false": return false;
        case "null": return null;
      }
      long whole;
      double real;
      if (long.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out whole)) return whole;
      if (double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out real)) return real;
      at = begin;
      throw Wrong();
    }

    private IReadOnlyDictionary<string, object> Members() {
      var members = new Dictionary<string, object>();
      Expect('{');
      if (Take('}')) return members;
      do {
        Space();
        string key = String();
        Expect(':');
        members[key] = Value();
      } while (Take(','));
      Expect('}');
      return members;
    }

    private IReadOnlyList<object> Elements() {
      var elements = new List<object>();
      Expect('[');
      if (Take(']')) return elements;
      do {
        elements.Add(Value());
      } while (Take(','));
      Expect(']');
      return elements;
    }

    private string String() {
      Expect('"');
      var found = new StringBuilder();
      while (true) {
        if (at == text.Length) throw Wrong();
        char c = text[at++];
        if (c == '"') return found.ToString();
        if (c == '\\') {
          if (at == text.Length) throw Wrong();
          c = text[at++];
          int known = "bfnrt".IndexOf(c);
          if (known >= 0) {
            c = "\b\f\n\r\t"[known];
          } else if (c == 'u') {
            ushort unit;
            if (at + 4 > text.Length || !ushort.TryParse(text.Substring(at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out unit)) throw Wrong();
            c = (char)unit;
            at += 4;
          }
        }
        found.Append(c);
      }
    }
  }
}
