// What the files of a model's folder are, by their names: which are carried into a saved folder, and which a save may replace.
#ifndef HORIZON_LM_CORE_MODEL_FOLDER_FILES_H_
#define HORIZON_LM_CORE_MODEL_FOLDER_FILES_H_

#include <string>
#include <string_view>
#include <vector>

namespace hlm {

// A tokenizer's file, of any kind that transformers writes or reads. Chat templates are not.
bool IsTokenizerFile(std::string_view name);
// chat_template.jinja, chat_template.json, and the files of additional_chat_templates by their paths.
bool IsTemplateFile(std::string_view path);

inline constexpr const char* kAdditionalTemplates = "additional_chat_templates";

// The files of a model's folder that go into a saved one, by their paths in it, sorted: all regular files, or links to them (a
// downloaded snapshot is a folder of links), but weights in any format and config.json; of its sub-folders those of tokenizers
// and templates, unless they are another model's.
std::vector<std::string> CarriedPaths(const std::string& folder);

// Throws FAILED_PRECONDITION naming a file where `folder`, which is about to be replaced, has one that no save wrote: anything
// but a saved model's own files (weights under their names, configuration, tokenizer, templates) and copies of what `source`
// carries. `source`: the folder that the model to be saved comes from; "": none.
void CheckOnlySavedFiles(const std::string& folder, const std::string& source);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_FOLDER_FILES_H_
