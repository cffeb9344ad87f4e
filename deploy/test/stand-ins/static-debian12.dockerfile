# Stand-in for distroless static: certificates, users, a /tmp, and no program at all.
FROM headgate-test/bookworm AS parts
RUN mkdir -p /out/etc/ssl/certs /out/tmp /out/home/nonroot \
    && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \
    && printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >/out/etc/passwd \
    && printf 'root:x:0:\nnonroot:x:65532:\n' >/out/etc/group \
    && chmod 1777 /out/tmp && chown -R 65532:65532 /out/home/nonroot
FROM scratch
COPY --from=parts /out /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532
