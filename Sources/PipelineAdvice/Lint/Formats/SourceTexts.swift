import Foundation
import PipelineFile
package import PipelineKit

/// The text files that findings refer to, each read once.
package struct SourceTexts: Sendable {
    private let files: [String: SourceLines]

    /// Reads the files in the locations of `findings`.
    /// - Parameter read: Returns the content of a file; nil if it is not text, such as footage.
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

    /// Reads the files in the locations of `findings` from disk. Skips files larger than a pipeline file may be.
    package init(onDiskFor findings: [Diagnostic]) {
        self.init(for: findings) { file in
            let size = (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? NSNumber)?.intValue
            guard let size, size <= DocumentLoader.largestFile else { return nil }
            return try? FileText.read(URL(filePath: file))
        }
    }

    /// The line at a location; nil if the location has no line or the file was not read.
    func line(at location: SourcePosition) -> String? { location.line.flatMap { files[location.file]?.line($0) } }
}
