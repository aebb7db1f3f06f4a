// embed: how alike two texts are, by a sentence encoder.
//
//   c++ -std=c++20 embed.cpp -lonward -o embed && ./embed encoder.onnx 101,7592,102 101,7632,2045,102
//
// A text is the list of its token numbers, as the model's tokenizer gives them. The encoder takes input_ids
// and attention_mask (int64 [batch, tokens], both open) and returns a vector for each token, [batch, tokens,
// size]; the embedding is their mean over real tokens. Both texts go through in one batch: the shorter one is
// padded, and its mask says where. Prints the cosine of the angle between the embeddings: 1 is the same
// direction.
#include <cmath>
#include <cstdio>
#include <onward/onward.hpp>
#include <sstream>

using Tokens = std::vector<int64_t>;

Tokens parse(const std::string& text) {
  Tokens tokens;
  std::istringstream in(text);
  for (std::string number; std::getline(in, number, ',');) tokens.push_back(std::stoll(number));
  return tokens;
}

// Rows of one length, padded with zeros; `mask` is 1 where a token stands.
onward::Inputs batch_of(const std::vector<Tokens>& texts) {
  size_t longest = 0;
  for (const Tokens& t : texts) longest = std::max(longest, t.size());
  const std::vector<int64_t> shape = {int64_t(texts.size()), int64_t(longest)};
  auto ids = onward::Tensor::zeros<int64_t>(shape), mask = onward::Tensor::zeros<int64_t>(shape);
  for (size_t row = 0; row < texts.size(); ++row)
    for (size_t i = 0; i < texts[row].size(); ++i) {
      ids.data<int64_t>()[row * longest + i] = texts[row][i];
      mask.data<int64_t>()[row * longest + i] = 1;
    }
  return {{"input_ids", ids}, {"attention_mask", mask}};
}

// The mean of the first `tokens` vectors of one row of [batch, tokens, size].
std::vector<double> mean(const onward::Value& vectors, size_t row, size_t tokens) {
  const auto shape = vectors.shape();
  if (shape.size() != 3) throw std::runtime_error("the model does not return a vector for each token");
  const auto size = static_cast<size_t>(shape[2]);
  const auto all = vectors.data<const float>().subspan(row * shape[1] * size, tokens * size);
  std::vector<double> out(size);
  for (size_t i = 0; i < all.size(); ++i) out[i % size] += all[i] / static_cast<double>(tokens);
  return out;
}

double cosine(const std::vector<double>& a, const std::vector<double>& b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) ab += a[i] * b[i], aa += a[i] * a[i], bb += b[i] * b[i];
  return ab / std::sqrt(aa * bb);
}

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: embed ENCODER.onnx TOKENS TOKENS   (such as 101,7592,102)\n");
    return 2;
  }
  try {
    const onward::Session session{std::string(argv[1])};
    const std::vector<Tokens> texts = {parse(argv[2]), parse(argv[3])};
    const auto outputs = session.run(batch_of(texts));
    std::printf("%.6f\n",
                cosine(mean(outputs.at(0), 0, texts[0].size()), mean(outputs.at(0), 1, texts[1].size())));
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "embed: %s\n", e.what());
    return 1;
  }
}
