import Foundation
package import PipelineFile
package import PipelineKit

/// The texts that findings point into, read once each.
package struct SourceTexts: Sendable {
    private let files: [String: SourceLines]

    /// The texts of the files that `findings` name, as far as `read` gives them.
    /// - Parameter read: The content of a file; nil for what is no text, such as footage.
    package init(for findings: [Diagnostic], read: (String) -> String?) {
        var files: [String: SourceLines] = [:]
        for finding in findings {
            guard let location = finding.location, location.line != nil, files[location.file] == nil,
                let text = read(location.file)
            else { continue }
            files[location.file] = SourceLines(
                text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text)
        }
        self.files = files
    }

    /// The texts of the files that `findings` name, from disk; those that are too large for a pipeline file are left out.
    package init(onDiskFor findings: [Diagnostic]) {
        self.init(for: findings) { file in
            let size = (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? NSNumber)?.intValue
            guard let size, size <= DocumentLoader.largestFile else { return nil }
            return try? FileText.read(URL(filePath: file))
        }
    }

    /// The line at a place; nil when there is none.
    func line(at location: SourceLocation) -> String? { location.line.flatMap { files[location.file]?.line($0) } }
}
