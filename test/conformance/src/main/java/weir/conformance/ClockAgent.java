package weir.conformance;

import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.security.ProtectionDomain;
import org.apache.flink.shaded.asm9.org.objectweb.asm.ClassReader;
import org.apache.flink.shaded.asm9.org.objectweb.asm.ClassVisitor;
import org.apache.flink.shaded.asm9.org.objectweb.asm.ClassWriter;
import org.apache.flink.shaded.asm9.org.objectweb.asm.MethodVisitor;
import org.apache.flink.shaded.asm9.org.objectweb.asm.Opcodes;

/** Makes table functions and generated code ask the virtual clock for the time. */
public final class ClockAgent {
    private ClockAgent() {}

    public static void premain(String arguments, Instrumentation instrumentation) {
        instrumentation.addTransformer(new Transformer());
    }

    private static final class Transformer implements ClassFileTransformer {
        @Override
        public byte[] transform(
                ClassLoader loader,
                String name,
                Class<?> redefined,
                ProtectionDomain domain,
                byte[] bytes) {
            // Classes that Flink generates are in no package.
            boolean isConcerned =
                    name != null
                            && loader != null
                            && (name.startsWith("org/apache/flink/table/")
                                    || name.indexOf('/') < 0);
            if (!isConcerned || !mentions(bytes)) {
                return null;
            }
            ClassReader reader = new ClassReader(bytes);
            ClassWriter writer = new ClassWriter(reader, 0);
            reader.accept(new Rewriter(writer), 0);
            return writer.toByteArray();
        }

        private static boolean mentions(byte[] bytes) {
            return new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1)
                    .contains("currentTimeMillis");
        }
    }

    private static final class Rewriter extends ClassVisitor {
        Rewriter(ClassVisitor next) {
            super(Opcodes.ASM9, next);
        }

        @Override
        public MethodVisitor visitMethod(
                int access, String name, String descriptor, String signature, String[] thrown) {
            MethodVisitor next =
                    super.visitMethod(access, name, descriptor, signature, thrown);
            return new MethodVisitor(Opcodes.ASM9, next) {
                @Override
                public void visitMethodInsn(
                        int opcode, String owner, String called, String type, boolean isInterface) {
                    if (owner.equals("java/lang/System") && called.equals("currentTimeMillis")) {
                        super.visitMethodInsn(
                                Opcodes.INVOKESTATIC,
                                "weir/conformance/VirtualClock",
                                "now",
                                "()J",
                                false);
                    } else {
                        super.visitMethodInsn(opcode, owner, called, type, isInterface);
                    }
                }
            };
        }
    }
}
