#include "tools/compare_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace onward::tools {
namespace {

using nlohmann::ordered_json;

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", v);
  return text;
}

std::string agreement_text(const Difference& d) {
  if (!d.rows) return "";
  return "argmax " + std::to_string(d.same_argmax) + "/" + std::to_string(d.rows) + ", top " +
         std::to_string(d.top_k) + " " + number(100 * d.same_top_k) + " %";
}

std::vector<std::string> cells(const Difference& d) {
  if (!d.problem.empty()) return {d.passed() ? "ok" : "FAIL", "", "", "", "", "", d.problem};
  std::string notes = agreement_text(d);
  if (!d.same_type) notes += (notes.empty() ? "" : "; ") + d.found_type + " against " + d.expected_type;
  if (!d.passed()) notes = d.failed + (notes.empty() ? "" : "; " + notes);
  return {d.passed() ? "ok" : "FAIL",
          number(d.max_abs),
          number(d.max_rel),
          number(d.rel_l2),
          d.cosine == 1 ? "1" : number(d.cosine),
          std::to_string(d.mismatched) + "/" + std::to_string(d.count),
          notes};
}

constexpr const char* kHeads[] = {"", "max abs", "max rel", "rel L2", "cosine", "mismatched", ""};

std::string row(const std::string& name, const std::vector<std::string>& c) {
  char text[512];
  std::snprintf(text, sizeof text, "%-4s %10s %10s %10s %9s %17s  ", c[0].c_str(), c[1].c_str(), c[2].c_str(),
                c[3].c_str(), c[4].c_str(), c[5].c_str());
  return text + name + (c[6].empty() ? "" : "  (" + c[6] + ")") + "\n";
}

std::string table(const std::vector<Difference>& list) {
  std::string out = row("", {std::begin(kHeads), std::end(kHeads)});
  for (const Difference& d : list) out += row(ow::printable(d.name, 200), cells(d));
  return out;
}

std::string node_text(const NodeNames& n) {
  const std::string name =
      n.name.empty() ? (n.outputs.empty() ? "" : "that makes '" + n.outputs[0] + "'") : "'" + n.name + "'";
  return n.op_type + " " + ow::printable(name, 200);
}

// Whose fault: an operator that makes a small error large, or one that hands on what it got.
std::string blame(const FirstDifference& f) {
  double worst = 0;
  for (const Difference& d : f.inputs) worst = std::max(worst, d.rel_l2);
  const std::string out = number(f.output.rel_l2);
  if (f.inputs.empty() || worst == 0)
    return "its inputs are equal: the node itself differs (relative L2 " + out + ")";
  if (f.output.rel_l2 > 10 * worst)
    return "it makes a relative L2 of " + number(worst) + " in its inputs " + out + ": most of it is its own";
  return "its inputs differ already (relative L2 " + number(worst) + ", its output " + out +
         "): look at the nodes before it";
}

ordered_json list_json(const std::vector<Difference>& list) {
  ordered_json out = ordered_json::array();
  for (const Difference& d : list) out.push_back(to_json(d));
  return out;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (char c : ow::printable(text, 400)) {
    if (c == '<')
      out += "&lt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string html_table(const std::vector<Difference>& list) {
  std::string out = "<table><tr><th>value</th>";
  for (size_t i = 0; i + 1 < std::size(kHeads); ++i) out += "<th>" + std::string(kHeads[i]) + "</th>";
  out += "<th>notes</th></tr>\n";
  for (const Difference& d : list) {
    out += std::string("<tr class=\"") + (d.passed() ? "ok" : "fail") + "\"><td>" + escaped(d.name) + "</td>";
    for (const std::string& c : cells(d)) out += "<td>" + escaped(c) + "</td>";
    out += "</tr>\n";
  }
  return out + "</table>\n";
}

// Relative L2 of each value in topological order, on a logarithmic scale from 1e-10 to 10.
std::string chart(const std::vector<Difference>& list) {
  constexpr double kWidth = 1000, kHeight = 260, kLow = -10, kHigh = 1;
  const auto y = [&](double v) {
    const double log = v > 0 ? std::clamp(std::log10(v), kLow, kHigh) : kLow;
    return kHeight * (kHigh - log) / (kHigh - kLow);
  };
  std::string out = "<svg viewBox=\"-60 -10 1080 300\" role=\"img\" aria-label=\"Relative L2 by value\">\n";
  for (int e = static_cast<int>(kLow); e <= static_cast<int>(kHigh); e += 2) {
    const std::string at = number(y(std::pow(10.0, e)));
    out += "<line x1=\"0\" x2=\"1000\" y1=\"" + at + "\" y2=\"" + at +
           "\" class=\"grid\"/><text x=\"-8\" y=\"" + at + "\" class=\"axis\">1e" + std::to_string(e) +
           "</text>\n";
  }
  const double step = kWidth / static_cast<double>(std::max<size_t>(1, list.size()));
  for (size_t i = 0; i < list.size(); ++i) {
    const Difference& d = list[i];
    const double v = d.problem.empty() && std::isfinite(d.rel_l2) ? d.rel_l2 : 10;
    out += "<circle cx=\"" + number(step * (static_cast<double>(i) + 0.5)) + "\" cy=\"" + number(y(v)) +
           "\" r=\"3\" class=\"" + (d.passed() ? "ok" : "fail") + "\"><title>" + escaped(d.name) + ": " +
           number(d.rel_l2) + "</title></circle>\n";
  }
  return out + "<text x=\"500\" y=\"285\" class=\"axis\">values in topological order</text></svg>\n";
}

constexpr const char* kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.2rem "
    ".7rem;text-align:right;"
    "border-bottom:1px solid #ddd}td:first-child,th:first-child,td:last-child{text-align:left}"
    "tr.fail td{background:#fdecea}circle.ok{fill:#2a78b8}circle.fail{fill:#c62828}.grid{stroke:#ddd}"
    ".axis{font-size:11px;text-anchor:end;fill:#666}svg{width:100%;height:auto}";

}  // namespace

bool Comparison::passed() const {
  return std::all_of(outputs.begin(), outputs.end(), [](const Difference& d) { return d.passed(); });
}

std::string text_report(const Comparison& c) {
  std::string out = c.model + " against " + c.with + ", " + std::to_string(c.runs) +
                    (c.runs == 1 ? " run" : " runs") + ", seed " + std::to_string(c.seed) + "\n";
  out += table(c.outputs);
  if (c.all_values) out += "\nvalues inside, both sides without optimisations:\n" + table(c.values);
  if (c.first) {
    out += "\nfirst difference: " + node_text(c.first->node) + "\n" + table({c.first->output});
    if (!c.first->inputs.empty()) out += "its inputs:\n" + table(c.first->inputs);
    out += blame(*c.first) + "\n";
  } else if (!c.values.empty() && !c.passed()) {
    out +=
        "\nwithout optimisations no value inside is out of tolerance: an optimisation makes the difference "
        "(--optimization basic or off tells which)\n";
  }
  return out + (c.passed() ? "PASS\n" : "FAIL\n");
}

ordered_json to_json(const Comparison& c) {
  ordered_json out = {
      {"model", c.model}, {"with", c.with},      {"passed", c.passed()}, {"runs", c.runs},
      {"seed", c.seed},   {"rtol", c.gate.rtol}, {"atol", c.gate.atol},  {"outputs", list_json(c.outputs)}};
  if (!c.values.empty()) out["values"] = list_json(c.values);
  out["first_difference"] = nullptr;
  if (c.first)
    out["first_difference"] = {{"node", c.first->node.name},
                               {"op_type", c.first->node.op_type},
                               {"output", to_json(c.first->output)},
                               {"inputs", list_json(c.first->inputs)},
                               {"verdict", blame(*c.first)}};
  return out;
}

std::string html_report(const Comparison& c) {
  std::string out =
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>onward compare</title><style>" +
      std::string(kStyle) + "</style>\n<h1>" + (c.passed() ? "PASS" : "FAIL") + "</h1>\n<p>" +
      escaped(c.model) + " against " + escaped(c.with) + ", " + std::to_string(c.runs) + " run(s), seed " +
      std::to_string(c.seed) + "</p>\n<h2>Outputs</h2>\n" + html_table(c.outputs);
  if (c.first)
    out += "<h2>First difference</h2>\n<p>" + escaped(node_text(c.first->node)) + ": " +
           escaped(blame(*c.first)) + "</p>\n" + html_table(c.first->inputs);
  if (!c.values.empty())
    out += "<h2>Values inside, without optimisations</h2>\n" + chart(c.values) + html_table(c.values);
  return out + "</html>\n";
}

}  // namespace onward::tools
