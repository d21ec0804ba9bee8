/// Completes a draft by asking the user the questions that flags have not answered.
package struct Questionnaire {
    /// A question for one field of a draft.
    package enum Question: String, Sendable, CaseIterable {
        case kind
        case footage
        case account
        case title
        case privacy
        case fit
        case maxDuration
        case export
    }

    /// The reason why the user did not complete the draft.
    package enum Stop: Error, Sendable, Hashable {
        /// The input ended before all questions were answered.
        case endOfInput
    }

    private let read: () -> String?
    private let say: (String) -> Void
    private let problem: (PipelineDraft) -> String?

    /// Creates a questionnaire on any line-based terminal.
    /// - Parameters:
    ///   - read: Returns the next line; nil at the end of the input.
    ///   - say: Shows a text. Questions have no line break at the end.
    ///   - problem: Validates a draft after each answer; nil if the draft is valid.
    package init(
        read: @escaping () -> String?, say: @escaping (String) -> Void, problem: @escaping (PipelineDraft) -> String?
    ) {
        self.read = read
        self.say = say
        self.problem = problem
    }

    /// Asks the questions that apply to the kind of pipeline and are not in `answered`. An empty line takes the default.
    package func complete(_ draft: PipelineDraft, answered: Set<Question>) throws(Stop) -> PipelineDraft {
        var draft = draft
        for question in Question.allCases where !answered.contains(question) && Self.matters(question, to: draft) {
            try ask(question, &draft)
        }
        return draft
    }

    private static func matters(_ question: Question, to draft: PipelineDraft) -> Bool {
        switch question {
        case .account: draft.kind != .prepare
        case .title, .privacy: draft.kind == .post
        case .export: draft.kind == .prepare
        case .kind, .footage, .fit, .maxDuration: true
        }
    }

    private func ask(_ question: Question, _ draft: inout PipelineDraft) throws(Stop) {
        let (text, usual) = Self.words(question, draft)
        while true {
            say("\(text) [\(usual)]: ")
            guard let line = read() else { throw .endOfInput }
            let answer = Self.trimmed(line)
            var changed = draft
            guard Self.apply(answer.isEmpty ? usual : answer, to: question, &changed) else {
                say("  please answer \(PipelineDraft.Kind.allCases.map(\.rawValue).joined(separator: ", "))\n")
                continue
            }
            if let problem = problem(changed) {
                say("  \(problem)\n")
                continue
            }
            draft = changed
            return
        }
    }

    private static func words(_ question: Question, _ draft: PipelineDraft) -> (text: String, usual: String) {
        switch question {
        case .kind: ("Purpose: post, draft (to the creator's inbox) or prepare (files only)?", draft.kind.rawValue)
        case .footage:
            ("Footage: files, folders or patterns, separated by spaces?", draft.footage.joined(separator: " "))
        case .account: ("Account?", draft.account)
        case .title: ("Title? {{ name }} is the file name", draft.title)
        case .privacy:
            (
                "Who may see the posts: SELF_ONLY, MUTUAL_FOLLOW_FRIENDS, FOLLOWER_OF_CREATOR or PUBLIC_TO_EVERYONE?",
                draft.privacy
            )
        case .fit: ("Footage with another aspect ratio: blur (pad with a blurred copy), pad or crop?", draft.fit)
        case .maxDuration: ("Longest duration?", draft.maxDuration)
        case .export: ("Folder for the finished files?", draft.export ?? "out")
        }
    }

    /// Stores an answer in a draft; false if the answer is not a valid kind.
    private static func apply(_ answer: String, to question: Question, _ draft: inout PipelineDraft) -> Bool {
        switch question {
        case .kind:
            guard let kind = PipelineDraft.Kind(rawValue: answer.lowercased()) else { return false }
            draft.kind = kind
        case .footage: draft.footage = answer.split(separator: " ").map(String.init)
        case .account: draft.account = answer
        case .title: draft.title = answer
        case .privacy: draft.privacy = answer.uppercased()
        case .fit: draft.fit = answer.lowercased()
        case .maxDuration: draft.maxDuration = answer
        case .export: draft.export = answer
        }
        return true
    }

    private static func trimmed(_ text: String) -> String {
        var text = Substring(text)
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
