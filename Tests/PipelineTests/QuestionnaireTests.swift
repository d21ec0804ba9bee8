import Foundation
import PipelineAdvice
import PipelineEngine
import PipelineFile
import Synchronization
import Testing

@Suite struct QuestionnaireTests {
    /// A conversation with lines that are there already.
    private func ask(
        _ lines: [String], answered: Set<Questionnaire.Question> = [], from draft: PipelineDraft = .init(name: "n"),
        problem: @escaping (PipelineDraft) -> String? = { _ in nil }
    ) -> (Result<PipelineDraft, Questionnaire.Stop>, said: String) {
        let rest = Mutex(lines)
        let said = Mutex("")
        let questionnaire = Questionnaire(
            read: { rest.withLock { $0.isEmpty ? nil : $0.removeFirst() } },
            say: { text in said.withLock { $0 += text } }, problem: problem)
        do throws(Questionnaire.Stop) {
            return (.success(try questionnaire.complete(draft, answered: answered)), said.withLock { $0 })
        } catch {
            return (.failure(error), said.withLock { $0 })
        }
    }

    @Test func enterTakesTheDefaults() throws {
        let draft = try ask(Array(repeating: "", count: 7)).0.get()
        #expect(draft == PipelineDraft(name: "n"))
    }

    @Test func asksOnlyWhatMatters() throws {
        let (result, said) = ask(["prepare", "a.mov  b.mov", "pad", "30s", "done"])
        let draft = try result.get()
        #expect(draft.kind == .prepare)
        #expect(draft.footage == ["a.mov", "b.mov"])
        #expect(draft.export == "done")
        #expect(!said.contains("Account") && !said.contains("Title"))
    }

    @Test func aWrongAnswerIsAskedForAgain() throws {
        let (result, said) = ask(
            ["publish", "post", "", "", "", "", "stretch", "blur", ""],
            problem: { $0.fit == "stretch" ? "no such fit" : nil })
        #expect(try result.get().fit == "blur")
        #expect(said.contains("please answer post, draft, prepare"))
        #expect(said.contains("no such fit"))
    }

    @Test func theEndOfTheAnswersTakesNoDefaults() {
        #expect(ask(["post", ""]).0 == .failure(.endOfInput))
    }

    @Test func flagsAreNotAskedFor() throws {
        let (_, said) = ask([], answered: Set(Questionnaire.Question.allCases))
        #expect(said.isEmpty)
    }
}
