/// Suggests known names for a misspelt one.
enum ClosestName {
    /// Up to three known names within an edit distance of a third of the name's length, nearest first.
    static func candidates(for name: String, among known: some Sequence<String>) -> [String] {
        let limit = max(2, name.count / 3)
        return
            known
            .map { (name: $0, distance: distance(name.lowercased(), $0.lowercased())) }
            .filter { $0.distance <= limit }
            .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
            .prefix(3)
            .map(\.name)
    }

    /// The Levenshtein distance between two strings.
    static func distance(_ first: String, _ second: String) -> Int {
        let left = Array(first)
        let right = Array(second)
        var row = Array(0...right.count)
        for (i, leftCharacter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, rightCharacter) in right.enumerated() {
                let substitution = diagonal + (leftCharacter == rightCharacter ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substitution, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[right.count]
    }
}
