/// Text for XML and HTML documents.
package enum XMLText {
    /// Escapes text for elements and double-quoted attributes. Drops characters that XML 1.0 can't represent.
    package static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\n", "\r", "\t": result += "&#\(scalar.value);"
            case "\u{FFFE}", "\u{FFFF}": break
            default: if scalar.value >= 0x20 { result.unicodeScalars.append(scalar) }
            }
        }
        return result
    }
}

/// An element of an XML document that contains either text or other elements.
struct XMLElement: Sendable {
    var name: String
    var attributes: [(name: String, value: String)]
    var text: String?
    var children: [XMLElement] = []

    /// The element as lines, each level indented by two spaces.
    var lines: [String] {
        let start = "<\(name)" + attributes.map { " \($0.name)=\"\(XMLText.escaped($0.value))\"" }.joined()
        if let text { return ["\(start)>\(XMLText.escaped(text))</\(name)>"] }
        guard !children.isEmpty else { return ["\(start)/>"] }
        return ["\(start)>"] + children.flatMap(\.lines).map { "  \($0)" } + ["</\(name)>"]
    }
}
