// What ends the trained turns is read off the tokens.
#include "core/text/dataset/turn_ends.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "core/io/json_writer.h"
#include "tests/dataset/support.h"

namespace hlm::dataset {
namespace {

// From 100 on added tokens, 10 is white space.
TokenKind KindOf(int32_t id) { return id >= 100 ? TokenKind::kAdded : id == 10 ? TokenKind::kBlank : TokenKind::kWord; }

TurnEnds Find(const std::vector<TokenDocument>& documents) {
  const TestFiles files;
  TokenStoreWriter writer(files.folder(), true, false);
  for (const TokenDocument& document : documents) writer.Append(document, {});
  const StoredSource source;
  writer.Finish({&source, 1}, {});
  return FindTurnEnds(TokenStore(files.folder(), true), KindOf);
}

std::string Show(const TurnEnds& found) {
  std::string text = std::to_string(found.turns) + " turns, " + std::to_string(found.without_stop) + " without";
  for (const TurnEnd& end : found.ends)
    text += "; " + std::to_string(end.id) + ": " + std::to_string(end.last) + " " + std::to_string(end.inner) + " " +
            std::to_string(end.inside);
  return text;
}

TEST(TurnEnds, TheLastTurnsOthersAndThoseWithoutAStop) {
  EXPECT_EQ(Show(Find({{{1, 2, 100, 3, 4, 101, 10}, {0, 0, 0, 1, 1, 1, 0}}})), "1 turns, 0 without; 101: 1 0 0")
      << "white space may follow";
  EXPECT_EQ(Show(Find({{{1, 2, 100, 3, 101, 10, 1, 100, 4, 102}, {0, 0, 0, 1, 1, 0, 0, 0, 1, 1}}})),
            "2 turns, 0 without; 101: 0 1 0; 102: 1 0 0");
  EXPECT_EQ(Show(Find({{{1, 2, 3, 101, 10}, {0, 0, 1, 1, 1}}})), "1 turns, 0 without; 101: 1 0 0") << "trained white space";
  EXPECT_EQ(Show(Find({{{1, 2, 3}, {0, 0, 1}}, {{1, 2, 3, 10}, {0, 0, 1, 1}}, {{1, 2, 3, 10, 101}, {0, 0, 1, 1, 0}}})),
            "3 turns, 3 without");
}

TEST(TurnEnds, WhatStandsInsideATurn) {
  EXPECT_EQ(Show(Find({{{1, 2, 3, 103, 4, 101}, {0, 0, 1, 1, 1, 1}}})), "1 turns, 0 without; 101: 1 0 0") << "103 ends none";
  EXPECT_EQ(Show(Find({{{1, 2, 3, 103, 4, 101}, {0, 0, 1, 1, 1, 1}}, {{1, 2, 3, 103}, {0, 0, 1, 1}}})),
            "2 turns, 0 without; 101: 1 0 0; 103: 1 0 1");
  EXPECT_EQ(Show(Find({{{3, 101, 4, 101}, {1, 1, 1, 1}}})), "1 turns, 0 without; 101: 1 0 0")
      << "a text that is trained whole has its turns in it";
}

TEST(TurnEnds, TheDescriptionNamesTheIdsToStopAt) {
  TextPipeline pipeline;
  pipeline.token_text = [](int32_t id) { return "<" + std::to_string(id) + ">"; };
  JsonWriter json;
  WriteTurnEnds(Find({{{1, 2, 3, 103, 4, 101, 1, 5, 102}, {0, 0, 1, 1, 1, 1, 0, 1, 1}},
                      {{1, 2, 3, 103}, {0, 0, 1, 1}},
                      {{1, 2, 3}, {0, 0, 1}}}),
                pipeline, json);
  EXPECT_EQ(
      json.Take(),
      R"({"documents":3,"turns":4,"without_stop":1,"ends":[{"id":101,"token":"<101>","last":0,"inner":1,"inside":0},)"
      R"({"id":102,"token":"<102>","last":1,"inner":0,"inside":0},{"id":103,"token":"<103>","last":1,"inner":0,"inside":1}],)"
      R"("stop_ids":[102],"inner_stop_ids":[101]})");
}

TEST(TurnEnds, OfManyDocumentsAPartIsLookedAt) {
  std::vector<TokenDocument> documents(40000, TokenDocument{{1, 2, 3, 101}, {0, 0, 1, 1}});
  const TurnEnds found = Find(documents);
  EXPECT_GE(found.documents, 10000);
  EXPECT_LE(found.documents, 16384);
  EXPECT_EQ(found.ends.front().last, found.documents);
}

}  // namespace
}  // namespace hlm::dataset
