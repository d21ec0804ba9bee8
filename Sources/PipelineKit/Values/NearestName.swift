/// Finds the name that the user probably meant, for hints such as `did you mean "transcode"?`.
public enum NearestName {
    /// Returns the candidate closest to `name` by edits (insert, delete, replace, swap neighbours); nil if none is
    /// close.
    ///
    /// A candidate is close if the edits are at most a third of the longer name's length, and a letter is in common.
    /// - Parameters:
    ///   - name: The name that the user wrote.
    ///   - candidates: The valid names; the first of equally close ones wins.
    public static func of(_ name: String, in candidates: some Sequence<String>) -> String? {
        let written = Array(name.lowercased())
        guard written.count <= 64 else { return nil }
        var best: (distance: Int, name: String)?
        for candidate in candidates {
            let known = Array(candidate.lowercased())
            let limit = max(1, max(written.count, known.count) / 3)
            let distance = editDistance(written, known)
            if distance <= limit, distance < max(written.count, known.count), distance < best?.distance ?? .max {
                best = (distance, candidate)
            }
        }
        return best?.name
    }

    /// The hint `did you mean "NAME"?` with the candidate closest to `name`; nil if none is close.
    package static func hint(for name: String, in candidates: some Sequence<String>) -> String? {
        of(name, in: candidates).map { "did you mean \"\($0)\"?" }
    }

    /// The Damerau–Levenshtein distance, restricted to one swap for each pair of neighbours.
    private static func editDistance(_ a: [Character], _ b: [Character]) -> Int {
        var previous: [Int] = []
        var current = Array(0...b.count)
        for i in 0..<a.count {
            let older = previous
            previous = current
            current = [i + 1]
            for j in 0..<b.count {
                var cost = min(previous[j] + (a[i] == b[j] ? 0 : 1), previous[j + 1] + 1, current[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, older[j - 1] + 1) }
                current.append(cost)
            }
        }
        return current[b.count]
    }
}
