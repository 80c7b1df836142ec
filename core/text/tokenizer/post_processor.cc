#include "core/text/tokenizer/post_processor.h"

#include "core/base/error.h"
#include "core/io/json_text.h"

namespace hlm {
namespace {

int32_t CheckedId(const Component& component, const JsonValue& value) {
  const auto id = value.Int();
  if (!id || *id < 0 || *id > 2147483647) component.Bad(StrCat("the id ", PrintableJson(value), " is no id"));
  return static_cast<int32_t>(*id);
}

// The ids that stand for a special token of a template: the file's own, whatever the vocabulary says.
void AppendSpecial(const Component& component, const std::string& name, std::vector<int32_t>& to) {
  const JsonValue* token = component.Member("special_tokens").Find(name);
  if (token == nullptr) component.Bad(StrCat("\"special_tokens\" lacks \"", Printable(name), "\""));
  const Component entry = component.Of(*token, StrCat(": special token \"", Printable(name), "\""));
  for (const JsonValue& id : entry.Array("ids")) to.push_back(CheckedId(entry, id));
}

void AddTemplate(const Component& component, PostProcessor& all) {
  bool behind = false;
  std::vector<int32_t> before, after;
  for (const JsonValue& item : component.Array("single")) {
    if (const JsonValue* special = item.Find("SpecialToken"); special != nullptr) {
      AppendSpecial(component, component.Of(*special, ": single").String("id"), behind ? after : before);
    } else if (const JsonValue* sequence = item.Find("Sequence"); sequence != nullptr) {
      if (component.Of(*sequence, ": single").String("id") != "A" || behind) {
        throw Unimplemented(component.where(), ": a template for one text that holds more than A, once");
      }
      behind = true;
    } else {
      component.Bad("\"single\" holds what is neither SpecialToken nor Sequence");
    }
  }
  if (!behind) throw Unimplemented(component.where(), ": a template for one text without A");
  all.before.insert(all.before.begin(), before.begin(), before.end());
  all.after.insert(all.after.end(), after.begin(), after.end());
}

int32_t PairId(const Component& component, const char* name) {
  const JsonValue& pair = component.Member(name);
  if (!pair.IsArray() || pair.Items().size() != 2) component.Bad(StrCat("\"", name, "\" is not [token, id]"));
  return CheckedId(component, pair.Items()[1]);
}

void Add(const Component& component, PostProcessor& all) {
  const std::string& type = component.type();
  if (type == "Sequence") {
    size_t i = 0;
    for (const JsonValue& part : component.Array("processors")) Add(component.Of(part, StrCat("[", i++, "]")), all);
  } else if (type == "ByteLevel") {
    all.trim_offsets |= component.Bool("trim_offsets", true);
    all.prefix_space = component.Bool("add_prefix_space", true);
  } else if (type == "TemplateProcessing") {
    AddTemplate(component, all);
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    if (type == "RobertaProcessing") {
      all.trim_offsets |= component.Bool("trim_offsets", true);
      all.prefix_space = component.Bool("add_prefix_space", true);
    }
    all.before.insert(all.before.begin(), PairId(component, "cls"));
    all.after.push_back(PairId(component, "sep"));
  } else {
    component.Unknown("post-processor");
  }
}

}  // namespace

PostProcessor MakePostProcessor(const Component& component) {
  PostProcessor all;
  Add(component, all);
  return all;
}

}  // namespace hlm
