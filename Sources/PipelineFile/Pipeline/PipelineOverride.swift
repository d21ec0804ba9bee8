import Foundation
package import PipelineKit

/// A value from the command line that replaces one in the pipeline file.
package struct PipelineOverride: Sendable, Hashable {
    /// The id or type name of the stage; nil for a post setting.
    package let stage: String?
    /// The option, or the key of `post`.
    package let key: String
    /// The value as text.
    package let value: String
    /// The flag and the text as the user wrote them; the file name of its findings.
    private let argument: String
    /// ``argument`` with the value replaced by `…`.
    private let maskedArgument: String

    /// Parses a value of `--set`, `stage.option=value`; nil if the text has another form.
    package init?(set text: String) {
        let name = text.prefix { $0 != "=" }
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return nil }
        self.init(flag: "--set", text: text, stage: String(name[..<dot]), key: name[name.index(after: dot)...])
    }

    /// Parses a value of `--post`, `key=value`; nil if the text has another form.
    package init?(post text: String) {
        self.init(flag: "--post", text: text, stage: nil, key: text.prefix { $0 != "=" })
    }

    private init?(flag: String, text: String, stage: String?, key: Substring) {
        guard let equals = text.firstIndex(of: "="), !key.isEmpty else { return nil }
        self.stage = stage
        self.key = String(key)
        value = String(text[text.index(after: equals)...])
        argument = "\(flag) \(text)"
        maskedArgument = "\(flag) \(text[..<equals])=…"
    }

    /// Whether it sets an option of the stage with that id and type name.
    package func concerns(stage id: String, named name: String) -> Bool { stage == id || stage == name }

    /// The location of findings about a post setting.
    var location: SourcePosition { SourcePosition(file: argument) }

    /// The location of findings about an option. It omits the value of a secret option, and of an unknown one, which may
    /// be a misspelt secret option.
    /// - Parameter options: The options of the stage.
    func location(among options: [OptionDescriptor]) -> SourcePosition {
        let option = options.first { $0.name == key }
        return SourcePosition(file: option?.isSecret == false ? argument : maskedArgument)
    }

    /// The value as JSON if the type of the option is not known.
    package var unchecked: JSONValue { json(for: []) }

    /// The value as JSON. Text stays text for a string option; else it is parsed as JSON if possible.
    func json(for options: [OptionDescriptor]) -> JSONValue {
        if options.first(where: { $0.name == key })?.type.name == String.optionType.name { return .string(value) }
        if let parsed = try? JSONDecoder().decode(JSONValue.self, from: Data(value.utf8)) { return parsed }
        return .string(value)
    }
}
