/// Compares language tags: ISO 639-1 (two letters), ISO 639-2/B and /T (three letters). Ignores regions.
package enum Language {
    /// Whether two tags name the same language; false if either is missing.
    package static func isSame(_ left: String?, _ right: String?) -> Bool {
        guard let left, let right else { return false }
        let (a, b) = (canonical(left), canonical(right))
        return !a.isEmpty && a == b
    }

    /// The ISO 639-2/T code of a known language, otherwise the tag in lower case without its region.
    static func canonical(_ tag: String) -> String {
        let base = tag.lowercased().prefix { $0 != "-" && $0 != "_" }.filter { !$0.isWhitespace }
        return known[base] ?? base
    }

    /// Maps the other codes of each language to its ISO 639-2/T code.
    private static let known: [String: String] = {
        var codes: [String: String] = [:]
        for entry in table.split(whereSeparator: \.isWhitespace) {
            let names = entry.split(separator: "/").map(String.init)
            for name in names.dropFirst() { codes[name] = names[0] }
        }
        return codes
    }()

    /// For each language its ISO 639-2/T code, then its ISO 639-1, ISO 639-2/B and obsolete codes.
    private static let table = """
        afr/af amh/am ara/ar asm/as aze/az bel/be ben/bn bod/bo/tib bos/bs bul/bg cat/ca ces/cs/cze cym/cy/wel dan/da
        deu/de/ger ell/el/gre eng/en epo/eo est/et eus/eu/baq fas/fa/per fin/fi fra/fr/fre fry/fy gle/ga glg/gl guj/gu
        hau/ha heb/he/iw hin/hi hrv/hr hun/hu hye/hy/arm ind/id/in isl/is/ice ita/it jav/jv jpn/ja kan/kn kat/ka/geo
        kaz/kk khm/km kir/ky kor/ko kur/ku lao/lo lat/la lav/lv lit/lt ltz/lb mal/ml mar/mr mkd/mk/mac mlt/mt mon/mn
        mri/mi/mao msa/ms/may mya/my/bur nep/ne nld/nl/dut nno/nn nob/nb nor/no ori/or pan/pa pol/pl por/pt pus/ps
        roh/rm ron/ro/rum rus/ru sin/si slk/sk/slo slv/sl som/so spa/es sqi/sq/alb srp/sr swa/sw swe/sv tam/ta tel/te
        tgk/tg tgl/tl tha/th tuk/tk tur/tr uig/ug ukr/uk urd/ur uzb/uz vie/vi xho/xh yid/yi/ji yor/yo zho/zh/chi zul/zu
        """
}
