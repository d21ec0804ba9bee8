import Foundation

/// A test suite of a JUnit report, the XML format in which CI systems read results.
package struct JUnitSuite: Sendable {
    package var name: String
    package var cases: [JUnitCase]
    /// The duration; nil if it was not measured.
    package var seconds: Double?

    package init(name: String, cases: [JUnitCase], seconds: Double? = nil) {
        self.name = name
        self.cases = cases
        self.seconds = seconds
    }

    /// A report of this suite alone.
    package var document: String { Self.document(element) }

    /// A report of several suites.
    package static func document(_ suites: [JUnitSuite], seconds: Double) -> String {
        let counts = attributes(of: suites.flatMap(\.cases), seconds: seconds)
        return document(XMLElement(name: "testsuites", attributes: counts, children: suites.map(\.element)))
    }

    private static func document(_ root: XMLElement) -> String {
        ([#"<?xml version="1.0" encoding="UTF-8"?>"#] + root.lines).joined(separator: "\n")
    }

    private var element: XMLElement {
        let counts = Self.attributes(of: cases, seconds: seconds)
        return XMLElement(name: "testsuite", attributes: [("name", name)] + counts, children: cases.map(\.element))
    }

    private static func attributes(of cases: [JUnitCase], seconds: Double?) -> [(String, String)] {
        [
            ("tests", "\(cases.count)"), ("failures", "\(cases.count(where: \.isFailure))"),
            ("errors", "\(cases.count(where: \.isError))"), ("skipped", "0"),
        ] + JUnitCase.time(seconds)
    }
}

/// A test case of a JUnit report.
package struct JUnitCase: Sendable {
    package enum Outcome: Sendable {
        case passed
        /// Passed, with remarks.
        case remarks(String)
        /// The tested thing is wrong.
        case failure(Problem)
        /// The test could not run.
        case error(Problem)
    }

    /// Why a test case failed.
    package struct Problem: Sendable {
        var type: String
        var message: String
        var details: String

        package init(type: String, message: String, details: String) {
            self.type = type
            self.message = message
            self.details = details
        }
    }

    /// Groups cases; a file name.
    package var className: String
    package var name: String
    /// Where the case is declared; nil if it is not declared in a file.
    package var location: SourcePosition?
    /// The duration; nil if it was not measured.
    package var seconds: Double?
    package var outcome: Outcome

    package init(
        className: String, name: String, location: SourcePosition? = nil, seconds: Double? = nil, outcome: Outcome
    ) {
        self.className = className
        self.name = name
        self.location = location
        self.seconds = seconds
        self.outcome = outcome
    }

    var isFailure: Bool { if case .failure = outcome { true } else { false } }
    var isError: Bool { if case .error = outcome { true } else { false } }

    var element: XMLElement {
        let position = location.map { [("file", $0.file), ("line", "\($0.line ?? 1)")] } ?? []
        let children: [XMLElement] =
            switch outcome {
            case .passed: []
            case .remarks(let text): [XMLElement(name: "system-out", attributes: [], text: text)]
            case .failure(let problem): [problem.element(named: "failure")]
            case .error(let problem): [problem.element(named: "error")]
            }
        return XMLElement(
            name: "testcase",
            attributes: [("classname", className), ("name", name)] + position + Self.time(seconds), children: children)
    }

    static func time(_ seconds: Double?) -> [(String, String)] {
        seconds.map { [("time", String(format: "%.3f", $0))] } ?? []
    }
}

extension JUnitCase.Problem {
    fileprivate func element(named name: String) -> XMLElement {
        XMLElement(name: name, attributes: [("message", message), ("type", type)], text: details)
    }
}
