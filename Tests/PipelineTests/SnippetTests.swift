import Foundation
import PipelineKit
import Testing

@testable import PipelineAdvice
@testable import PipelineFile

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite struct SnippetTests {
    private func shown(_ line: String, _ column: Int) -> [String] {
        let snippet = Snippet(line, column: column)
        return [snippet.text, snippet.marks]
    }

    @Test func marksTextsWordsAndSigns() {
        #expect(shown(#"{ "nmae": "x" }"#, 3) == [#"{ "nmae": "x" }"#, "  ^~~~~~"])
        #expect(shown(#"  "a": "say \"hi\"", 5"#, 8)[1] == #"       ^~~~~~~~~~~~"#)
        #expect(shown("nmae: x", 1)[1] == "^~~~")
        #expect(shown("uses: prob", 7)[1] == "      ^~~~")
        #expect(shown("a, ]", 4)[1] == "   ^")
    }

    @Test func pointsBehindTheEnd() {
        #expect(shown("abc", 4) == ["abc", "   ^"])
        #expect(shown("", 1) == ["", "^"])
        #expect(shown("abc", 400)[1] == "   ^")
    }

    @Test func tabsWideAndJoinedCharactersDoNotShiftTheCaret() {
        #expect(shown("\t\t\"a\"", 3) == ["  \"a\"", "  ^~~"])
        // Two columns each; the column counts scalars.
        #expect(shown("日本 x", 4) == ["日本 x", "     ^"])
        #expect(shown("🎬 x", 3) == ["🎬 x", "   ^"])
        #expect(shown("e\u{301}x", 3)[1] == " ^")
        // A place within a character is that character's.
        #expect(shown("e\u{301}x", 2)[1].hasPrefix("^"))
    }

    @Test func controlCharactersDoNotReachTheTerminal() {
        #expect(shown("a\u{1B}[31mb", 2)[0] == "a\u{FFFD}[31mb")
        #expect(shown("a\u{202E}b", 3) == ["a\u{FFFD}b", "  ^"])
    }

    @Test func longLinesAreCutAroundTheCaret() {
        let line = String(repeating: "x", count: 300) + " \"here\" " + String(repeating: "y", count: 300)
        let snippet = Snippet(line, column: 302)
        #expect(snippet.text.hasPrefix("…x") && snippet.text.hasSuffix("y…"))
        #expect(snippet.text.count <= Snippet.width + 2)
        let caret = snippet.marks.count { $0 == " " }
        #expect(Array(snippet.text)[caret] == "\"")
        #expect(snippet.marks.hasSuffix("^~~~~~"))
    }

    @Test func secretsAreMasked() {
        let line = #"{ "description": "act.0123456789abcdef", "x": 1 }"#
        #expect(!shown(line, 18)[0].contains("0123456789"))
        // What stands behind keeps its column.
        #expect(shown(line, 42)[1] == String(repeating: " ", count: 41) + "^~~")
    }
}

@Suite struct LintFormatTests {
    private let finding = Diagnostic(
        .warning, code: "no-retry", "100 % of, a:b\r\nc <&> \"q\" \u{1}", hint: "do, this",
        location: SourcePosition(file: "a,b:c%.json", line: 2, column: 3))

    @Test func annotationsEscapeWhatEndsThem() {
        #expect(
            GitHubAnnotations.text(finding)
                == "::warning file=a%2Cb%3Ac%25.json,line=2,col=3,title=no-retry::100 %25 of, a:b%0D%0Ac <&> \"q\" \u{FFFD} (do, this)"
        )
        let plain = Diagnostic(code: "x", "m")
        #expect(GitHubAnnotations.text(plain) == "::error title=x::m")
    }

    @Test func junitIsWellFormedWhateverItHolds() throws {
        for findings in [[], [finding], [finding, Diagnostic(code: "x", "\u{0}\u{FFFF}]]>")]] {
            let text = JUnitReport.text(findings, file: "a<b>.json", strict: true)
            let document = Reader()
            let parser = XMLParser(data: Data(text.utf8))
            parser.delegate = document
            #expect(parser.parse(), "\(text)")
            #expect(document.cases == max(1, findings.count))
            #expect(document.failures == findings.count)
        }
    }

    private final class Reader: NSObject, XMLParserDelegate {
        var (cases, failures) = (0, 0)
        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            if name == "testcase" { cases += 1 }
            if name == "failure" { failures += 1 }
        }
    }

    @Test func namesOfFilesDoNotCommandTheTerminal() {
        let hostile = Diagnostic(
            code: "no-input", "no \u{1B}]0;x\u{7} here\nerror: fake", hint: "see \u{202E}b\u{2028}c 👩‍👩‍👧",
            location: SourcePosition(file: "a\u{1B}[2J\n.json", line: 1, column: 1), asset: "a")
        let forms = [
            hostile.text, LintText(SourceTexts(for: []) { _ in nil }).text(hostile).replacing("\n", with: ""),
            GitHubAnnotations.text(hostile),
        ]
        for form in forms {
            for scalar in ["\u{1B}", "\u{7}", "\n", "\u{202E}", "\u{2028}"] as [Unicode.Scalar] {
                #expect(!form.unicodeScalars.contains(scalar), "\(form)")
            }
            #expect(form.contains("\u{FFFD}[2J") && form.contains("👩‍👩‍👧"))
        }
        #expect(forms[0].hasPrefix("a\u{FFFD}[2J\u{FFFD}.json:1:1: error: no "))
    }

    @Test func textShowsThePlaceAndWhatToDo() {
        let texts = SourceTexts(for: [finding]) { _ in "{\n  \"retry\": 1\n}" }
        let text = LintText(texts).text(finding)
        #expect(
            text.hasSuffix(
                """
                [no-retry]
                    2 |   "retry": 1
                      |   ^~~~~~~
                      = help: do, this
                """))
        #expect(text.split(separator: "\n").count == 4)
        #expect(LintText(SourceTexts(for: []) { _ in nil }).text(finding).split(separator: "\n").count == 2)
    }
}
