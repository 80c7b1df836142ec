using System.Globalization;
using System.Linq;
using System.Reflection;

namespace HorizonLM {
  /// <summary>What is made of values only, in a line as C#'s records have it: "Evaluation { Loss = 2.5, Tokens = 11 }".</summary>
  internal static class Told {
    internal static string Of(object values) {
      var members = values.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).OrderBy(property => property.MetadataToken);
      return values.GetType().Name + " { " + string.Join(", ", members.Select(property => property.Name + " = " + Text(property.GetValue(values, null)))) + " }";
    }

    private static string Text(object value) {
      return value == null ? "null" : string.Format(CultureInfo.InvariantCulture, "{0}", value);
    }
  }
}
