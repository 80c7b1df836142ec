#include "core/text/dataset/media_members.h"

#include <algorithm>
#include <cstddef>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/dataset/member_name.h"

namespace hlm::dataset {
namespace {

// A column of pictures, sound or films is called one of these, alone or with one of the others before or behind it (image_path,
// input_audio), but not what is written about them (image_caption).
constexpr std::string_view kMedia[] = {"image",     "images",     "img",      "imgs",   "picture",    "pictures",
                                       "photo",     "photos",     "audio",    "audios", "video",      "videos",
                                       "pixel",     "wav",        "waveform", "mp3",    "screenshot", "screenshots",
                                       "thumbnail", "thumbnails", "jpg",      "jpeg",   "png",        "multimodal"};
// These are such columns where they do not hold words: a film may be a title, and a speech what was said.
constexpr std::string_view kMaybeMedia[] = {"sound", "sounds", "speech", "film",   "films",   "movie",  "movies",  "clip",
                                            "clips", "frames", "media",  "visual", "visuals", "figure", "figures", "mm"};
constexpr std::string_view kOfMedia[] = {
    "input",  "url", "urls",  "path",  "paths", "file", "files",  "src", "name", "names",    "filename", "filenames",
    "base64", "b64", "bytes", "array", "data",  "list", "values", "uri", "uris", "features", "filepath", "filepaths"};

// Something is there: a path, bytes, a list or an object of them.
bool HoldsSomething(const JsonValue& value) {
  if (value.IsString()) return !value.String().empty();
  const auto holds = [](const JsonValue& item) { return item.IsNumber() || HoldsSomething(item); };
  if (value.IsArray()) return std::any_of(value.Items().begin(), value.Items().end(), holds);
  return value.IsObject() && std::any_of(value.Members().begin(), value.Members().end(),
                                         [&](const JsonValue::Member& member) { return holds(member.value); });
}

// No words: a path, an address, bytes as text, numbers, or a list or an object of these.
bool HoldsData(const JsonValue& value) {
  constexpr size_t kLongWord = 64;
  if (value.IsString()) {
    const std::string& text = value.String();
    return text.find_first_of(" \t\r\n") == std::string::npos &&
           (text.find_first_of("./\\") != std::string::npos || text.size() > kLongWord);
  }
  if (value.IsArray()) {
    return std::any_of(value.Items().begin(), value.Items().end(),
                       [](const JsonValue& item) { return item.IsNumber() || HoldsData(item); });
  }
  return value.IsObject() && std::any_of(value.Members().begin(), value.Members().end(), [](const JsonValue::Member& member) {
           return HoldsData(member.value) || (IsOneOf(member.name, kOfMedia) && HoldsSomething(member.value));
         });
}

// As Hugging Face's data sets write pictures and sound, one or a list of them; a file's size in bytes is none.
bool IsDecodedMedia(const JsonValue& value) {
  if (value.IsArray()) return std::any_of(value.Items().begin(), value.Items().end(), IsDecodedMedia);
  const JsonValue *bytes = value.Find("bytes"), *samples = value.Find("array");
  const bool picture = bytes != nullptr && !bytes->IsNumber() && value.Find("path") != nullptr;
  const bool sound = samples != nullptr && value.Find("sampling_rate") != nullptr;
  return (picture && HoldsSomething(value)) || (sound && HoldsSomething(*samples));
}

enum class MediaName { kNone, kMaybe, kSure };

MediaName MediaNameOf(std::string_view name) {
  MediaName media = MediaName::kNone;
  for (const std::string_view word : WordsOfName(name)) {
    const std::string_view plain = word.substr(0, word.find_last_not_of("0123456789") + 1);  // image1, image_1
    if (IsOneOf(word, kMedia) || IsOneOf(plain, kMedia)) {
      media = MediaName::kSure;
    } else if (IsOneOf(plain, kMaybeMedia)) {
      media = std::max(media, MediaName::kMaybe);
    } else if (!plain.empty() && !IsOneOf(word, kOfMedia) && !IsOneOf(plain, kOfMedia)) {
      return MediaName::kNone;
    }
  }
  return media;
}

}  // namespace

bool IsMediaName(std::string_view name) { return MediaNameOf(name) != MediaName::kNone; }

void RefuseMedia(const JsonValue::Member& member, const std::string& where) {
  const MediaName name = MediaNameOf(member.name);
  const bool named =
      (name == MediaName::kSure && HoldsSomething(member.value)) || (name == MediaName::kMaybe && HoldsData(member.value));
  if (!named && !IsDecodedMedia(member.value)) return;
  throw Unimplemented(where, ": \"", Printable(member.name, 60), "\" is ", PrintableJson(member.value),
                      "; only text is trained on; \"unused_members\": \"count\" leaves such members out");
}

}  // namespace hlm::dataset
