package weir.conformance;

import java.util.ArrayList;
import java.util.List;

/**
 * A constant of a test case as it is written, before it is known which type it shall have: the row
 * constructors behind {@code --- feed}.
 *
 * @param shape what was written
 * @param text of TEXT and NUMBER
 * @param items of LIST (ARRAY, ROW, parentheses), and of MAP as keys and values in turn
 */
public record Literal(Shape shape, String text, List<Literal> items) {
    public enum Shape {
        NULL,
        BOOLEAN,
        NUMBER,
        TEXT,
        BYTES,
        LIST,
        MAP
    }

    private static final Literal NULL = new Literal(Shape.NULL, null, List.of());

    /** Reads one row: a constructor in parentheses, or ROW(…). */
    public static Literal parse(String source) {
        Reader reader = new Reader(source);
        Literal literal = reader.value();
        reader.end();
        return literal;
    }

    private static final class Reader {
        private final String source;
        private int at;

        Reader(String source) {
            this.source = source;
        }

        private IllegalArgumentException wrong(String expected) {
            return new IllegalArgumentException(
                    "cannot read the row: expected "
                            + expected
                            + " at column "
                            + (at + 1)
                            + " of "
                            + source);
        }

        private char peek() {
            while (at < source.length() && Character.isWhitespace(source.charAt(at))) {
                at++;
            }
            return at < source.length() ? source.charAt(at) : '\0';
        }

        private void expect(char wanted) {
            if (peek() != wanted) {
                throw wrong("'" + wanted + "'");
            }
            at++;
        }

        void end() {
            if (peek() != '\0') {
                throw wrong("the end");
            }
        }

        private String word() {
            int start = at;
            while (at < source.length()
                    && (Character.isLetterOrDigit(source.charAt(at)) || source.charAt(at) == '_')) {
                at++;
            }
            return source.substring(start, at).toUpperCase();
        }

        private String quoted() {
            expect('\'');
            StringBuilder text = new StringBuilder();
            while (true) {
                if (at >= source.length()) {
                    throw wrong("a closing quote");
                }
                char c = source.charAt(at++);
                if (c == '\'') {
                    if (at < source.length() && source.charAt(at) == '\'') {
                        at++;
                    } else {
                        return text.toString();
                    }
                }
                text.append(c);
            }
        }

        private List<Literal> list(char open, char close) {
            expect(open);
            List<Literal> items = new ArrayList<>();
            if (peek() == close) {
                at++;
                return items;
            }
            while (true) {
                items.add(value());
                if (peek() == ',') {
                    at++;
                } else {
                    expect(close);
                    return items;
                }
            }
        }

        private Literal number() {
            int start = at;
            if (source.charAt(at) == '-' || source.charAt(at) == '+') {
                at++;
                peek();
            }
            int digits = at;
            while (at < source.length()
                    && (Character.isDigit(source.charAt(at))
                            || source.charAt(at) == '.'
                            || source.charAt(at) == 'e'
                            || source.charAt(at) == 'E'
                            || ((source.charAt(at) == '-' || source.charAt(at) == '+')
                                    && Character.toUpperCase(source.charAt(at - 1)) == 'E'))) {
                at++;
            }
            if (digits == at) {
                throw wrong("a number");
            }
            String text = source.substring(start, at).replace(" ", "").replace("+", "");
            return new Literal(Shape.NUMBER, text, List.of());
        }

        Literal value() {
            char c = peek();
            if (c == '\'') {
                return new Literal(Shape.TEXT, quoted(), List.of());
            }
            if (c == '(') {
                return new Literal(Shape.LIST, null, list('(', ')'));
            }
            if (Character.isDigit(c) || c == '-' || c == '+' || c == '.') {
                return number();
            }
            if (Character.isLetter(c)) {
                return afterWord(word());
            }
            throw wrong("a value");
        }

        private Literal afterWord(String word) {
            switch (word) {
                case "NULL":
                    return NULL;
                case "TRUE":
                case "FALSE":
                    return new Literal(Shape.BOOLEAN, word, List.of());
                case "X":
                    return new Literal(Shape.BYTES, quoted(), List.of());
                case "DATE":
                case "TIME":
                case "TIMESTAMP":
                case "TIMESTAMP_LTZ":
                    peek();
                    return new Literal(Shape.TEXT, quoted(), List.of());
                case "ARRAY":
                case "MULTISET":
                    return new Literal(Shape.LIST, null, list('[', ']'));
                case "MAP":
                    return new Literal(Shape.MAP, null, list('[', ']'));
                case "ROW":
                    return new Literal(Shape.LIST, null, list('(', ')'));
                case "CAST":
                    return cast();
                default:
                    throw wrong("a constant, not " + word);
            }
        }

        // The column's type decides, so the type that is cast to need not be looked at.
        private Literal cast() {
            expect('(');
            Literal inner = value();
            peek();
            if (!word().equals("AS")) {
                throw wrong("AS");
            }
            int depth = 1;
            while (depth > 0) {
                if (at >= source.length()) {
                    throw wrong("')'");
                }
                char c = source.charAt(at++);
                depth += c == '(' || c == '<' ? 1 : c == ')' || c == '>' ? -1 : 0;
            }
            return inner;
        }
    }
}
